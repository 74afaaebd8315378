package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// specification is the part of OpenAPI that the tests look at.
type specification struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Role        string `json:"x-holdfast-role"`
		Tags        []string
		Parameters  []struct{ Name, In, Description string }
		Responses   map[string]struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Description string
				Ref         string `json:"$ref"`
			}
		}
	}
}

func readSpec(t *testing.T, s *Server) specification {
	t.Helper()
	r := ask(t, s.LocalHandler(), http.MethodGet, prefix+"/openapi.json")
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, r.body)
	}
	return decode[specification](t, r)
}

func TestOpenAPIGolden(t *testing.T) {
	s, _ := newTestServer(t)
	r := ask(t, s.PublicHandler(), http.MethodGet, "/openapi.json")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(r.body), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	golden(t, "openapi.json", pretty.Bytes())
}

func TestOpenAPIIsWhole(t *testing.T) {
	s, _ := newTestServer(t)
	spec := readSpec(t, s)
	if spec.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q, want 3.1.0", spec.OpenAPI)
	}
	ids := map[string]bool{}
	for path, item := range spec.Paths {
		for method, op := range item {
			where := method + " " + path
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s: operationId %q is empty or not unique", where, op.OperationID)
			}
			ids[op.OperationID] = true
			if op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s: summary %q, tags %v", where, op.Summary, op.Tags)
			}
			if !slices.Contains([]string{"viewer", "operator", "admin"}, op.Role) {
				t.Errorf("%s: role %q", where, op.Role)
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: parameter %s has no description", where, p.Name)
				}
			}
		}
	}
	for name, schema := range spec.Components.Schemas {
		for field, property := range schema.Properties {
			if property.Description == "" && property.Ref == "" {
				t.Errorf("schema %s: %s has no description", name, field)
			}
		}
	}
	for key := range wordDocs() {
		name, field, _ := strings.Cut(key, ".")
		if _, ok := spec.Components.Schemas[name].Properties[field]; !ok {
			t.Errorf("wordDocs describes %s, which no schema has", key)
		}
	}
}

// TestOpenAPIHasEveryRoute keeps a route from being served without being described.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	s, _ := newTestServer(t)
	described := map[string]bool{"GET /openapi.json": true} // the alias of /api/v1/openapi.json
	for path, item := range readSpec(t, s).Paths {
		for method := range item {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	served := map[string]bool{}
	for _, route := range s.router.Routes() {
		for method := range route.Handlers {
			served[method+" "+route.Pattern] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(served)), slices.Sorted(maps.Keys(described)); !slices.Equal(got, want) {
		t.Errorf("served and described differ:\n%v\n%v", got, want)
	}
}

// TestDoorMatrix generates every cell of operation x door from the description: deny by default.
func TestDoorMatrix(t *testing.T) {
	described, _ := newTestServer(t)
	placeholder := regexp.MustCompile(`\{[^}]+\}`)
	for path, item := range readSpec(t, described).Paths {
		for method, op := range item {
			method, path := strings.ToUpper(method), placeholder.ReplaceAllString(strings.ReplaceAll(path, "{instance}", "shop-1"), "shop")
			t.Run(method+" "+path, func(t *testing.T) {
				s, _ := newTestServer(t)
				body := func(*http.Request) {}
				if text := map[string]string{
					"check": "version: 1\n", "scale": `{"instances":2}`, "maintenance": `{"on":true}`, "test": `{"url":"http://x/"}`, "issue": `{"csr":"x"}`,
				}[path[strings.LastIndex(path, "/")+1:]]; text != "" {
					body = withBody(text)
				}
				if r := ask(t, s.LocalHandler(), method, path, body); r.StatusCode/100 != 2 {
					t.Errorf("local: status %d, want 2xx: %s", r.StatusCode, r.body)
				}
				s, _ = newTestServer(t)
				r := ask(t, s.PublicHandler(), method, path, body)
				switch {
				case method == http.MethodGet && op.Role == "viewer":
					if r.StatusCode != http.StatusOK {
						t.Errorf("public: status %d, want 200: %s", r.StatusCode, r.body)
					}
				default:
					wantProblem(t, r, http.StatusForbidden, CodeForbidden)
				}
				if method != http.MethodGet && op.Role == "viewer" {
					t.Errorf("a %s must not be for the role viewer", method)
				}
				// Without the guard in front there is no door, and no door grants nothing.
				if r := ask(t, s.router, method, path, body); r.StatusCode != http.StatusForbidden {
					t.Errorf("no door: status %d, want 403", r.StatusCode)
				}
				// Whatever a stranger sends to the path, nothing but reading gets through.
				for _, m := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "BREW"} {
					if r := ask(t, s.PublicHandler(), m, path, body); r.StatusCode != http.StatusForbidden {
						t.Errorf("public %s: status %d, want 403", m, r.StatusCode)
					}
				}
			})
		}
	}
}

// TestRolesOfDoors checks the second line of defence alone, without the filter by method.
func TestRolesOfDoors(t *testing.T) {
	for _, test := range []struct {
		c    call
		need role
		want bool
	}{
		{call{}, viewer, false},
		{call{door: publicDoor}, nobody, false},
		{call{door: publicDoor}, viewer, true},
		{call{door: publicDoor}, operator, false},
		{call{door: publicDoor}, admin, false},
		{call{door: localDoor}, nobody, false},
		{call{door: localDoor}, viewer, true},
		{call{door: localDoor}, operator, true},
		{call{door: localDoor}, admin, true},
	} {
		if got := test.c.may(test.need); got != test.want {
			t.Errorf("door %d may %v = %v, want %v", test.c.door, test.need, got, test.want)
		}
	}
}
