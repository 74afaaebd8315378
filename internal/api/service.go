package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// ServiceStatus is Holdfast itself at one moment.
type ServiceStatus struct {
	Name      string    `json:"name" doc:"The installation's name."`
	Version   string    `json:"version" doc:"The version of the binary."`
	StartedAt time.Time `json:"started_at" doc:"When this process started."`
	Ready     bool      `json:"ready" doc:"As /readyz."`
	Reasons   []string  `json:"reasons" nullable:"false" doc:"Why it is not ready."`
	Paused    bool      `json:"paused" doc:"True while the gateway answers 503 on request."`
	// Revision of the configuration in force.
	Revision   int          `json:"revision" doc:"The revision of the configuration in force."`
	LastReload ReloadStatus `json:"last_reload" doc:"The newest load of the configuration."`
}

// ReloadStatus is the newest load of the configuration.
type ReloadStatus struct {
	Time     time.Time `json:"time" doc:"When it ended."`
	Applied  bool      `json:"applied" doc:"False when it was rejected and the former configuration stays in force."`
	Errors   int       `json:"errors" doc:"How many errors it found."`
	Warnings int       `json:"warnings" doc:"How many warnings it found."`
}

type serviceOutput struct{ Body ServiceStatus }

func (s *Server) registerService() {
	register(s, huma.Operation{
		OperationID: "get-service", Method: http.MethodGet, Path: prefix + "/service", Tags: []string{"Service"},
		Summary: "Holdfast itself: version, readiness, configuration revision",
	}, viewer, func(context.Context, *struct{}) (*serviceOutput, error) {
		return &serviceOutput{s.serviceStatus()}, nil
	})
	register(s, huma.Operation{
		OperationID: "pause-service", Method: http.MethodPost, Path: prefix + "/service/actions/pause", Tags: []string{"Service"},
		Summary:     "Pause the gateway",
		Description: "Every request is answered 503 with Retry-After until it is continued; the apps keep running.",
	}, admin, func(ctx context.Context, _ *NoBody) (*serviceOutput, error) {
		return s.switchService(s.opts.Service.Pause(ctx))
	})
	register(s, huma.Operation{
		OperationID: "continue-service", Method: http.MethodPost, Path: prefix + "/service/actions/continue", Tags: []string{"Service"},
		Summary: "Let the gateway serve again",
	}, admin, func(ctx context.Context, _ *NoBody) (*serviceOutput, error) {
		return s.switchService(s.opts.Service.Resume(ctx))
	})
}

func (s *Server) switchService(err error) (*serviceOutput, error) {
	if err != nil {
		return nil, err
	}
	return &serviceOutput{s.serviceStatus()}, nil
}

func (s *Server) serviceStatus() ServiceStatus {
	ready := s.readiness()
	last := s.opts.Config.LastReload()
	errs := last.Problems.Errors()
	return ServiceStatus{
		Name:      s.opts.Service.Name(),
		Version:   s.opts.Service.Version(),
		StartedAt: s.started,
		Ready:     ready.Ready,
		Reasons:   ready.Reasons,
		Paused:    s.opts.Service.Paused(),
		Revision:  s.opts.Config.Revision(),
		LastReload: ReloadStatus{
			Time:     last.Time,
			Applied:  errs == 0,
			Errors:   errs,
			Warnings: len(last.Problems) - errs,
		},
	}
}
