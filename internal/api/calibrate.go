package api

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// CalibrateRequest is the body of the calibrate action; it may be left out.
type CalibrateRequest struct {
	_     struct{} `additionalProperties:"false"`
	Grace string   `json:"grace,omitempty" maxLength:"32" doc:"How long each method may take; absent is the app's own stop.grace." example:"10s"`
}

// Calibration is what the trials of an app's stop methods lead to.
type Calibration struct {
	App string `json:"app" doc:"The app's name."`
	// Configured is the method in force, Method the recommended one; empty when none ended it cleanly.
	Configured string `json:"configured" doc:"The stop method in force."`
	Method     string `json:"method,omitempty" doc:"The recommended method; absent when none ended the program cleanly."`
	// Seconds is how long Method took.
	Seconds float64 `json:"seconds,omitempty" doc:"How long the recommended method took."`
	// Config is the YAML that makes it so, line by line.
	Config []string           `json:"config" nullable:"false" doc:"The lines for the configuration; empty when there is no method to recommend."`
	Trials []status.StopTrial `json:"trials" nullable:"false" doc:"What was tried, in that order."`
}

type calibrateInput struct {
	AppPath
	Body  *CalibrateRequest
	grace time.Duration
}

// Resolve reads the span.
func (in *calibrateInput) Resolve(huma.Context) []error {
	if in.Body == nil || in.Body.Grace == "" {
		return nil
	}
	var err error
	if in.grace, err = positiveSpan(in.Body.Grace); err != nil {
		return []error{&huma.ErrorDetail{Message: err.Error(), Location: "body.grace"}}
	}
	return nil
}

func (s *Server) registerCalibrate() {
	s.schemaOf(reflect.TypeFor[Calibration]())
	register(s, huma.Operation{
		OperationID: "calibrate-app", Method: http.MethodPost, Path: prefix + "/apps/{id}/actions/calibrate", Tags: []string{"Apps"},
		Summary: "Try which stop method ends an app cleanly",
		Description: "Starts a throwaway instance for each method, asks it to end and measures that; the app itself is left alone, and the throwaway instances get no requests. " +
			"Leaving the stream ends the calibration.",
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of server-sent events: \"trial\" (a StopTrial) for each method when it has been tried, then \"result\" (a Calibration) or \"problem\" (a Problem), " +
				"and a comment every 15 s of silence.",
			Content: map[string]*huma.MediaType{eventStream: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, operator, s.calibrate)
}

func (s *Server) calibrate(ctx context.Context, in *calibrateInput) (*streamOutput, error) {
	if _, err := s.opts.Apps.App(in.ID); err != nil {
		return nil, err
	}
	return s.openStream(ctx, func(ctx context.Context, st *stream) error {
		return s.streamTrials(ctx, st, in)
	}, func() {})
}

func (s *Server) streamTrials(ctx context.Context, st *stream, in *calibrateInput) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	trials := make(chan status.StopTrial)
	ended := make(chan error, 1)
	go func() {
		defer close(trials)
		ended <- s.opts.Apps.Calibrate(ctx, in.ID, in.grace, func(t status.StopTrial) {
			select {
			case trials <- t:
			case <-ctx.Done():
			}
		})
	}()
	tried := []status.StopTrial{}
	err := pump(ctx, st, trials, func(t status.StopTrial) error {
		tried = append(tried, t)
		return st.event("trial", "", t)
	}, func() error { return nil })
	// A reader that has gone wants no further trials; whoever is tried now is waited for.
	cancel()
	failed := <-ended
	if err != nil {
		return err
	}
	if failed != nil {
		p := s.problemOf(ctx, failed)
		p.RequestID = callOf(ctx).id
		err = st.event("problem", "", p)
	} else {
		err = st.event("result", "", s.calibration(in.ID, tried))
	}
	if err != nil {
		return err
	}
	return st.flush()
}

func (s *Server) calibration(app string, tried []status.StopTrial) Calibration {
	stop := s.opts.Config.Snapshot().Config.Apps[app].Stop
	c := Calibration{App: app, Configured: string(stop.Method), Config: []string{}, Trials: tried}
	best, ok := recommended(tried, c.Configured)
	if ok {
		c.Method, c.Seconds = best.Method, best.Seconds
		c.Config = stopLines(app, stop, best)
	}
	return c
}

// tie is how much sooner another method must end a program to be worth a change.
const tie = 250 * time.Millisecond

// recommended is the method in force unless another clean one is clearly sooner; otherwise the
// soonest, and among equals the one that was tried first.
func recommended(tried []status.StopTrial, configured string) (best status.StopTrial, ok bool) {
	sooner := func(a, b status.StopTrial) bool { return a.Seconds+tie.Seconds() < b.Seconds }
	for _, t := range tried {
		if !t.Clean {
			continue
		}
		switch {
		case !ok, sooner(t, best), t.Method == configured && !sooner(best, t):
			best, ok = t, true
		}
	}
	return best, ok
}

// stopLine is the stop part of an app, on one line.
type stopLine struct {
	Method string           `yaml:"method"`
	HTTP   *config.StopHTTP `yaml:"http,omitempty,flow"`
	Grace  string           `yaml:"grace,omitempty"`
}

// stopLines are the lines of the configuration for the method; a grace period that is shorter than
// twice what the method took becomes that.
func stopLines(app string, stop config.Stop, t status.StopTrial) []string {
	line := stopLine{Method: t.Method}
	if t.Method == string(config.StopHTTPCall) {
		line.HTTP = stop.HTTP
	}
	if wanted := time.Duration(math.Ceil(2*t.Seconds)) * time.Second; stop.Grace.D() < wanted {
		line.Grace = config.Duration(wanted).String()
	}
	type lines struct {
		Stop stopLine `yaml:"stop,flow"`
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	_ = enc.Encode(map[string]map[string]lines{"apps": {app: {line}}}) // a Buffer takes everything
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
