package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/internal/status"
)

// Live is the answer of /livez.
type Live struct {
	Status string `json:"status" enum:"ok" doc:"Always ok: the process answers."`
}

// Ready is the answer of /readyz.
type Ready struct {
	Ready bool `json:"ready" doc:"True while every listener is bound, a configuration is in force and the gateway is not paused. It does not depend on the apps."`
	// Reasons say what is missing; empty when ready.
	Reasons []string       `json:"reasons" nullable:"false" doc:"What is missing; empty when ready."`
	Version string         `json:"version" doc:"The binary's version."`
	StartID string         `json:"start_id,omitempty" doc:"What whoever started the service called this start, so that they know whom they ask; told on the pipe or socket only."`
	Apps    []AppReadiness `json:"apps" nullable:"false" doc:"How the apps are; for information."`
}

// AppReadiness is an app in one line.
type AppReadiness struct {
	ID        string           `json:"id" doc:"The app's name."`
	Condition status.Condition `json:"condition" doc:"The app in one word."`
	Ready     int              `json:"ready" doc:"Instances that the gateway may send requests to."`
	Desired   int              `json:"desired" doc:"Instances that are wanted."`
}

func (s *Server) registerHealth() {
	register(s, huma.Operation{
		OperationID: "live", Method: http.MethodGet, Path: "/livez", Tags: []string{"Health"},
		Summary:     "Whether the process answers",
		Description: "For a watchdog that restarts Holdfast: it fails only when Holdfast itself hangs.",
	}, viewer, s.live)
	register(s, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"Health"},
		Summary: "Whether the gateway serves",
		Description: "200 while every listener is bound, a configuration is in force and the gateway is not paused, else 503; " +
			"the body is the same. It does not depend on the apps: one app that is down must not take the others out of a load balancer.",
		Responses: map[string]*huma.Response{"503": {Description: "Not ready; the body says why."}},
	}, viewer, s.ready)
	s.handle("/metrics", viewer, promhttp.HandlerFor(s.opts.Gatherer, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
		DisableCompression:  true, // loopback: it would only cost time
	}))
}

type liveOutput struct{ Body Live }

func (s *Server) live(context.Context, *struct{}) (*liveOutput, error) {
	return &liveOutput{Live{"ok"}}, nil
}

type readyOutput struct {
	Status int
	Body   Ready
}

func (s *Server) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	out := &readyOutput{Status: http.StatusOK, Body: s.readiness()}
	if callOf(ctx).door == localDoor {
		out.Body.StartID = s.opts.Service.StartID()
	}
	for _, a := range s.opts.Apps.Apps() {
		out.Body.Apps = append(out.Body.Apps, AppReadiness{a.ID, a.Condition, a.Ready, a.Desired})
	}
	if !out.Body.Ready {
		out.Status = http.StatusServiceUnavailable
	}
	return out, nil
}

// readiness is everything but the apps.
func (s *Server) readiness() Ready {
	ready, reasons := s.opts.Service.Ready()
	r := Ready{Ready: ready, Reasons: append([]string{}, reasons...), Version: s.opts.Service.Version(), Apps: []AppReadiness{}}
	if s.opts.Service.Paused() {
		r.Ready = false
		r.Reasons = append(r.Reasons, "the gateway is paused: holdfast service continue")
	}
	return r
}
