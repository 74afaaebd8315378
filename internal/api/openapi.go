package api

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

const openAPIJSON = "application/openapi+json"

func openAPI(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "Holdfast management API",
			Version: version,
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Drives one Holdfast: its apps, routes, configuration and events.\n\n" +
				"The local named pipe or Unix socket answers every call and is guarded by the operating system. " +
				"The loopback address answers calls of the role viewer only (" + roleKey + "). " +
				"Lists are {data, total}; errors are application/problem+json (RFC 9457); unknown query parameters are refused.",
		},
		Servers: []*huma.Server{{URL: "http://127.0.0.1:9180", Description: "The loopback address: reading only"}},
		Tags: []*huma.Tag{
			{Name: "Health", Description: "For load balancers, watchdogs and Prometheus."},
			{Name: "Service", Description: "Holdfast itself."},
			{Name: "Apps", Description: "The programs that are kept alive."},
			{Name: "Logs", Description: "What the programs wrote."},
			{Name: "Routes", Description: "What the gateway answers which request with."},
			{Name: "Certificates", Description: "What TLS listeners present, and the internal authority."},
			{Name: "Config", Description: "The configuration in force."},
			{Name: "Events", Description: "What happened."},
		},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
	}
}

// schemaName keeps two rooms' words apart.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[config.Problem]() {
		return "ConfigProblem"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// schemaOf is a reference to the schema of t.
func (s *Server) schemaOf(t reflect.Type) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// registerSpec serves the OpenAPI description, which is made when it is first asked for.
func (s *Server) registerSpec() {
	s.spec = sync.OnceValues(func() ([]byte, error) {
		spec := s.huma.OpenAPI()
		s.completeSpec(spec)
		return spec.MarshalJSON()
	})
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := s.spec()
		if err != nil {
			s.serveProblem(w, r, s.problemOf(r.Context(), err))
			return
		}
		w.Header().Set("Content-Type", openAPIJSON)
		_, _ = w.Write(body)
	})
	s.handle(prefix+"/openapi.json", viewer, serve)
	s.handle("/openapi.json", viewer, serve)
}

// completeSpec adds what huma cannot know: our own error body in place of its own, the calls that
// are not huma's, and the values and meaning of the shared words.
func (s *Server) completeSpec(spec *huma.OpenAPI) {
	schemas := spec.Components.Schemas
	errorBody := s.schemaOf(reflect.TypeFor[Problem]())
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	for _, item := range spec.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			for code := range op.Responses {
				if code == "default" || code >= "4" && code != "503" {
					delete(op.Responses, code)
				}
			}
			op.Responses["default"] = &huma.Response{
				Description: "An error.",
				Content:     map[string]*huma.MediaType{problemJSON: {Schema: errorBody}},
			}
		}
	}
	describePlain(spec, "/metrics", "get-metrics", "The metrics, in Prometheus' text format", "text/plain")
	describePlain(spec, prefix+"/openapi.json", "get-openapi", "This description", openAPIJSON)
	ready := spec.Paths["/readyz"].Get.Responses
	ready["503"].Content = ready["200"].Content
	describeWords(schemas)
}

// describePlain documents a call that is not huma's.
func describePlain(spec *huma.OpenAPI, path, id, summary, media string) {
	spec.Paths[path] = &huma.PathItem{Get: &huma.Operation{
		OperationID: id,
		Tags:        []string{"Health"},
		Summary:     summary,
		Extensions:  map[string]any{roleKey: viewer.String()},
		Responses: map[string]*huma.Response{"200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}}
}

func enumOf[T ~string](values ...T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

// describeWords documents the types that other rooms own, whose fields carry no documentation for
// this purpose.
func describeWords(schemas huma.Registry) {
	enums := map[string][]any{
		"App.condition":          enumOf(status.Healthy, status.Degraded, status.Down, status.Idle, status.InMaintenance),
		"AppReadiness.condition": enumOf(status.Healthy, status.Degraded, status.Down, status.Idle, status.InMaintenance),
		"Instance.state":         enumOf(status.States()...),
		"Exit.reason": enumOf(status.ReasonExit, status.ReasonStartFailed, status.ReasonStartupProbe,
			status.ReasonLivenessProbe, status.ReasonRequested, status.ReasonConfig, status.ReasonShutdown,
			status.ReasonMemoryLimit, status.ReasonRecycle, status.ReasonScale, status.ReasonDependency),
		"RouteTest.outcome": enumOf(status.RouteServed, status.RouteAnswered, status.RouteRedirected, status.RouteRefused,
			status.RouteNone, status.RouteNoListener),
		"RouteTest.kind":     enumOf(RouteApp, RouteURLs, RouteFileServer, RouteRedirect, RouteRespond),
		"RouteTarget.state":  enumOf(status.TargetReady, status.TargetResting, status.TargetEjected, status.TargetFailing, status.TargetNotReady),
		"Instance.role":      enumOf(status.Surge, status.Replacement, status.Trial),
		"ProbeResult.probe":  enumOf("startup", "liveness", "readiness"),
		"Line.stream":        enumOf("stdout", "stderr", "holdfast"),
		"Event.severity":     enumOf(event.Info, event.Warning, event.Error),
		"Event.type":         enumOf(event.Types()...),
		"Problem.code":       enumOf(Codes()...),
		"Certificate.source": enumOf(certs.Sources()...),
		"Certificate.state":  enumOf(certs.States()...),
		"Renewal.source":     enumOf(certs.Sources()...),
	}
	docs := wordDocs()
	for name, schema := range schemas.Map() {
		for field, property := range schema.Properties {
			key := name + "." + field
			if values, ok := enums[key]; ok {
				property.Enum = values
			}
			// Absent or a list: no field is ever null.
			property.Nullable = false
			if text, ok := docs[key]; ok && property.Description == "" {
				property.Description = text
			}
		}
	}
}
