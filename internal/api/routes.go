package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Route is what the gateway answers which request with.
type Route struct {
	ID         string            `json:"id" doc:"The route's name."`
	Listeners  []string          `json:"listeners" nullable:"false" doc:"The listeners on which it answers."`
	Host       []string          `json:"host,omitempty" doc:"Host names; absent = every one."`
	Path       string            `json:"path,omitempty" doc:"The exact path."`
	PathPrefix string            `json:"path_prefix,omitempty" doc:"The beginning of the path, in whole segments."`
	Method     []string          `json:"method,omitempty" doc:"Request methods; absent = every one."`
	Header     map[string]string `json:"header,omitempty" doc:"Wanted header fields; * wants any value."`
	Priority   int               `json:"priority" doc:"Decides between equally specific routes; higher first."`
	Kind       RouteKind         `json:"kind" enum:"app,urls,file_server,redirect,respond" doc:"What serves the request."`
	// Serves says the same in words.
	Serves string `json:"serves" doc:"What serves the request, in words."`
	App    string `json:"app,omitempty" doc:"The app that serves the request."`
	// Ready and Desired count the app's instances.
	Ready   int `json:"ready,omitempty" doc:"Ready instances of the app."`
	Desired int `json:"desired,omitempty" doc:"Wanted instances of the app."`
	// Targets are the app's instances, or the urls.
	Targets []status.RouteTarget `json:"targets,omitempty" doc:"The app's instances or the urls, as this route sees them."`
}

// RouteKind is what serves a route's requests, by the name of its key in the configuration.
type RouteKind string

// The kinds of routes.
const (
	RouteApp        RouteKind = "app"
	RouteURLs       RouteKind = "urls"
	RouteFileServer RouteKind = "file_server"
	RouteRedirect   RouteKind = "redirect"
	RouteRespond    RouteKind = "respond"
)

func (s *Server) registerRoutes() {
	register(s, huma.Operation{
		OperationID: "list-routes", Method: http.MethodGet, Path: prefix + "/routes", Tags: []string{"Routes"},
		Summary: "List the routes of the gateway",
	}, viewer, func(_ context.Context, in *Page) (*listOutput[Route], error) {
		return &listOutput[Route]{cut(s.routes(), *in)}, nil
	})
	register(s, huma.Operation{
		OperationID: "test-route", Method: http.MethodPost, Path: prefix + "/routes/test", Tags: []string{"Routes"},
		Summary: "Tell what the gateway would do with a request, and why",
		Description: "Nothing is sent. The answer names the listener, the path in the form in which routes see it, the route that wins and what serves it, " +
			"and of the other routes why they do not: the nearest ten, and how many more there are.",
	}, operator, s.testRoute)
}

// RouteTestRequest is the body of a route's test.
type RouteTestRequest struct {
	_        struct{}            `additionalProperties:"false"`
	URL      string              `json:"url" minLength:"1" maxLength:"65536" doc:"An absolute http or https URL." example:"https://shop.example.com/api/things"`
	Method   string              `json:"method,omitempty" maxLength:"64" doc:"The request's method (default GET)."`
	Headers  map[string][]string `json:"headers,omitempty" nullable:"false" doc:"Fields of the request's header; Host stands for the URL's own host."`
	Listener string              `json:"listener,omitempty" maxLength:"64" doc:"The listener by which it comes in (default: the one with the URL's scheme and port)."`
}

type (
	routeTestInput  struct{ Body RouteTestRequest }
	routeTestOutput struct{ Body status.RouteTest }
)

func (s *Server) testRoute(_ context.Context, in *routeTestInput) (*routeTestOutput, error) {
	b := in.Body
	t, err := s.opts.Routes.Explain(status.RouteQuery{URL: b.URL, Method: b.Method, Headers: b.Headers, Listener: b.Listener})
	if err != nil {
		return nil, err
	}
	return &routeTestOutput{t}, nil
}

func (s *Server) routes() []Route {
	cfg := s.opts.Config.Snapshot().Config
	var standard []string // listeners of a route that names none
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		if cfg.Listeners[name].RedirectTo == "" {
			standard = append(standard, name)
		}
	}
	apps := make(map[string]status.App)
	for _, a := range s.opts.Apps.Apps() {
		apps[a.ID] = a
	}
	routes := make([]Route, 0, len(cfg.Routes))
	for _, id := range slices.Sorted(maps.Keys(cfg.Routes)) {
		r := newRoute(id, cfg.Routes[id], standard)
		r.Ready, r.Desired = apps[r.App].Ready, apps[r.App].Desired
		r.Targets = s.opts.Routes.Targets(id)
		routes = append(routes, r)
	}
	return routes
}

func newRoute(id string, c config.Route, standard []string) Route {
	r := Route{
		ID: id, Listeners: c.Listeners, Priority: c.Priority, App: c.App,
		Host: c.Match.Host, Path: c.Match.Path, PathPrefix: c.Match.PathPrefix, Method: c.Match.Method, Header: c.Match.Header,
	}
	if len(r.Listeners) == 0 {
		r.Listeners = append([]string{}, standard...)
	}
	switch {
	case c.App != "":
		r.Kind, r.Serves = RouteApp, "app "+c.App
	case len(c.URLs) > 0:
		r.Kind, r.Serves = RouteURLs, strings.Join(c.URLs, ", ")
	case c.FileServer != nil:
		r.Kind, r.Serves = RouteFileServer, "files of "+c.FileServer.Root
	case c.Redirect != nil:
		r.Kind, r.Serves = RouteRedirect, fmt.Sprintf("%d to %s", c.Redirect.Status, c.Redirect.To)
	case c.Respond != nil:
		r.Kind, r.Serves = RouteRespond, fmt.Sprintf("fixed answer %d", c.Respond.Status)
	}
	return r
}
