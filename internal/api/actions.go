package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Action is a request that was accepted and is being carried out.
type Action struct {
	App    string `json:"app" doc:"The app's name."`
	Action string `json:"action" enum:"start,stop,restart,scale,maintenance" doc:"What was asked for."`
	// RequestedAt is by Holdfast's clock: a process that was started later is a new one.
	RequestedAt time.Time `json:"requested_at" doc:"When it was accepted, by Holdfast's clock: a process that was started later is a new one."`
}

type actionOutput struct {
	Location string `header:"Location" doc:"Where to watch the outcome."`
	Body     Action
}

// NoBody is the input of calls that take nothing but their path.
type NoBody struct{}

// Resolve refuses a body that nobody would read.
func (NoBody) Resolve(ctx huma.Context) []error {
	var one [1]byte
	if body := ctx.BodyReader(); body != nil {
		if n, _ := body.Read(one[:]); n > 0 {
			return []error{&huma.ErrorDetail{Message: "this call takes no body", Location: "body"}}
		}
	}
	return nil
}

type actionInput struct {
	AppPath
	NoBody
}

func (s *Server) registerActions() {
	s.registerAction("start", "Start an app",
		"Starts every instance that is stopped, ended or waiting for its next try.", s.opts.Apps.Start)
	s.registerAction("stop", "Stop an app",
		"Lets requests in flight end, asks every instance to end, and kills what has not ended after the grace period. It stays stopped until it is started.", s.opts.Apps.Stop)
	s.registerAction("restart", "Restart an app",
		"Replaces every instance: an additional one is ready first, where the app's restart.overlap allows; otherwise they are stopped and started one after the other.", s.opts.Apps.Restart)
}

func (s *Server) registerAction(name, summary, description string, do func(context.Context, string) error) {
	register(s, huma.Operation{
		OperationID: name + "-app", Method: http.MethodPost, Path: prefix + "/apps/{id}/actions/" + name, Tags: []string{"Apps"},
		Summary: summary, Description: description + " The answer comes before that is done: watch the app or its events.",
		DefaultStatus: http.StatusAccepted,
	}, operator, func(ctx context.Context, in *actionInput) (*actionOutput, error) {
		now := time.Now()
		if err := do(ctx, in.ID); err != nil {
			return nil, err
		}
		return accepted(in.ID, name, now), nil
	})
}
