package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/config"
)

// ScaleRequest is the body of the scale action: one of its fields.
type ScaleRequest struct {
	_         struct{} `additionalProperties:"false"`
	Instances *int     `json:"instances,omitempty" minimum:"0" maximum:"1000" doc:"How many instances are wanted from now on."`
	Reset     bool     `json:"reset,omitempty" doc:"Back to the number that the configuration names."`
}

type scaleInput struct {
	AppPath
	Body ScaleRequest
}

// Resolve wants exactly one field.
func (in *scaleInput) Resolve(huma.Context) []error {
	if (in.Body.Instances != nil) == in.Body.Reset {
		return []error{&huma.ErrorDetail{Message: `give either "instances" or "reset": true`, Location: "body"}}
	}
	// The schema says so too, but of a name that is given twice in different cases it looks at one only.
	if n := in.Body.Instances; n != nil && *n < 0 {
		return []error{&huma.ErrorDetail{Message: "expected number >= 0", Location: "body.instances"}}
	}
	return nil
}

// MaintenanceRequest is the body of the maintenance action.
type MaintenanceRequest struct {
	_    struct{} `additionalProperties:"false"`
	On   bool     `json:"on" doc:"True begins it, or changes its note and end; false ends it."`
	Note string   `json:"note,omitempty" maxLength:"500" doc:"What is being done, for others who look."`
	For  string   `json:"for,omitempty" maxLength:"32" doc:"When it ends by itself; absent when somebody has to end it." example:"30m"`
}

type maintenanceInput struct {
	AppPath
	Body MaintenanceRequest
	span time.Duration
}

// Resolve reads the span.
func (in *maintenanceInput) Resolve(huma.Context) []error {
	var errs []error
	if in.Body.For != "" {
		span, err := positiveSpan(in.Body.For)
		if err != nil {
			errs = append(errs, &huma.ErrorDetail{Message: err.Error(), Location: "body.for"})
		}
		in.span = span
	}
	if !in.Body.On && (in.Body.For != "" || in.Body.Note != "") {
		errs = append(errs, &huma.ErrorDetail{Message: `"note" and "for" go with "on": true`, Location: "body"})
	}
	return errs
}

// positiveSpan reads a duration as the configuration writes it.
func positiveSpan(text string) (time.Duration, error) {
	var d config.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		return 0, err
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is no time at all: write a longer one, such as 30m", text)
	}
	return d.D(), nil
}

func (s *Server) registerControl() {
	register(s, huma.Operation{
		OperationID: "scale-app", Method: http.MethodPost, Path: prefix + "/apps/{id}/actions/scale", Tags: []string{"Apps"},
		Summary: "Change how many instances of an app run",
		Description: "It holds, and outlives Holdfast, until the number in the configuration itself changes or it is reset. Instances that are too many are drained, " +
			"the highest numbers first. The answer comes before that is done: watch the app or its events.",
		DefaultStatus: http.StatusAccepted,
	}, operator, s.scale)
	register(s, huma.Operation{
		OperationID: "maintain-app", Method: http.MethodPost, Path: prefix + "/apps/{id}/actions/maintenance", Tags: []string{"Apps"},
		Summary: "Begin or end the maintenance of an app",
		Description: "Meanwhile its requests are answered 503 with Retry-After and the code maintenance; its instances run on, and one that ends or fails its probes " +
			"is left as it is until the maintenance ends.",
		DefaultStatus: http.StatusAccepted,
	}, operator, s.maintain)
	s.registerCalibrate()
}

func (s *Server) scale(ctx context.Context, in *scaleInput) (*actionOutput, error) {
	n := -1
	if in.Body.Instances != nil {
		n = *in.Body.Instances
	}
	now := time.Now()
	if err := s.opts.Apps.Scale(ctx, in.ID, n); err != nil {
		return nil, err
	}
	return accepted(in.ID, "scale", now), nil
}

func (s *Server) maintain(ctx context.Context, in *maintenanceInput) (*actionOutput, error) {
	now := time.Now()
	if err := s.opts.Apps.Maintain(ctx, in.ID, in.Body.On, in.Body.Note, in.span); err != nil {
		return nil, err
	}
	return accepted(in.ID, "maintenance", now), nil
}

func accepted(app, action string, at time.Time) *actionOutput {
	return &actionOutput{
		Location: prefix + "/apps/" + app,
		Body:     Action{App: app, Action: action, RequestedAt: at},
	}
}
