package api

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

func TestTestRoute(t *testing.T) {
	s, f := newTestServer(t)
	client, _ := serveLocal(t, s)
	q := status.RouteQuery{URL: "http://x/", Method: "PUT", Headers: map[string][]string{"X-A": {"1", "2"}}, Listener: "web"}
	got, err := client.TestRoute(t.Context(), q)
	want, _ := f.Explain(q)
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	_, err = client.TestRoute(t.Context(), status.RouteQuery{URL: "nonsense"})
	if p, ok := errors.AsType[*Problem](err); !ok || p.Code != CodeInvalid || p.Status != http.StatusUnprocessableEntity {
		t.Errorf("nonsense: %v", err)
	}
}

func TestTestRouteRefuses(t *testing.T) {
	s, _ := newTestServer(t)
	post := func(h http.Handler, body string) reply {
		return ask(t, h, http.MethodPost, "/api/v1/routes/test", withBody(body), withHeader("Content-Type", "application/json"))
	}
	for _, body := range []string{`{}`, `{"url": ""}`, `{"url": 1}`, `{"url": "http://x/", "headers": {"a": "b"}}`, `{"url": "http://x/", "uri": ""}`, `{"url": "nonsense"}`} {
		wantProblem(t, post(s.LocalHandler(), body), http.StatusUnprocessableEntity, CodeInvalid)
	}
	wantProblem(t, post(s.PublicHandler(), `{"url": "http://x/"}`), http.StatusForbidden, CodeForbidden)
}
