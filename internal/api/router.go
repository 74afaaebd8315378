package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// prefix is where the resources are; health and metrics are at the root.
const prefix = "/api/v1"

func (s *Server) newRouter() {
	s.router = chi.NewMux()
	s.router.Use(middleware.GetHead)
	s.router.NotFound(func(w http.ResponseWriter, r *http.Request) {
		s.serveProblem(w, r, problem(http.StatusNotFound, CodeNotFound,
			"there is nothing at %s: %s/openapi.json lists what there is", r.URL.Path, prefix))
	})
	s.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		allow := strings.Join(s.allowed(r), ", ")
		w.Header().Set("Allow", allow)
		s.serveProblem(w, r, problem(http.StatusMethodNotAllowed, CodeMethodNotAllowed,
			"%s does not take %s; it takes %s", r.URL.Path, r.Method, allow))
	})
	s.huma = humachi.New(s.router, humaConfig(s.opts.Service.Version()))
}

// allowed lists the methods that the path of r takes.
func (s *Server) allowed(r *http.Request) []string {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if s.router.Match(chi.NewRouteContext(), m, path) {
			methods = append(methods, m)
			if m == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	return methods
}

func humaConfig(version string) huma.Config {
	cfg := huma.Config{
		OpenAPI:       openAPI(version),
		Formats:       map[string]huma.Format{"application/json": jsonFormat(), "json": jsonFormat()},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{transform},
	}
	// An answer may grow fields; clients must not break on them.
	cfg.AllowAdditionalPropertiesByDefault = true
	return cfg
}

func jsonFormat() huma.Format {
	return huma.Format{Marshal: writeJSON, Unmarshal: json.Unmarshal}
}

// writeJSON encodes first and writes then: an error that it returns is one of encoding, and a client
// that went away is nobody's error.
func writeJSON(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, _ = w.Write(buf.Bytes())
	return nil
}
