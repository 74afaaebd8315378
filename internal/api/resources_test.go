package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

func TestListApps(t *testing.T) {
	s, f := newTestServer(t)
	f.apps[1].Since = epoch().Add(-10 * time.Hour)
	for _, test := range []struct {
		query string
		want  []string
		total int
	}{
		{"", []string{"shop", "worker"}, 2},
		{"?limit=1", []string{"shop"}, 2},
		{"?limit=1&offset=1", []string{"worker"}, 2},
		{"?offset=2", []string{}, 2},
		{"?offset=9000000000000000000", []string{}, 2},
		{"?sort=-id", []string{"worker", "shop"}, 2},
		{"?sort=restarts", []string{"worker", "shop"}, 2},
		{"?sort=-restarts", []string{"shop", "worker"}, 2},
		{"?sort=since", []string{"worker", "shop"}, 2},
		{"?state=backoff", []string{"shop"}, 1},
		{"?state=stopped", []string{}, 0},
		{"?condition=healthy", []string{"worker"}, 1},
	} {
		t.Run(test.query, func(t *testing.T) {
			list := decode[List[status.App]](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/apps"+test.query))
			got := []string{}
			for _, a := range list.Data {
				got = append(got, a.ID)
			}
			if !slices.Equal(got, test.want) || list.Total != test.total {
				t.Errorf("got %v of %d, want %v of %d", got, list.Total, test.want, test.total)
			}
		})
	}
}

func TestListsLeaveHistoryOut(t *testing.T) {
	s, f := newTestServer(t)
	list := decode[List[status.App]](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/apps"))
	short := list.Data[0].Instances[1]
	if short.Exits != nil || short.LastExit == nil || short.LastExit.LastLines != nil || short.LastExit.Probes != nil || short.LastExit.Usage == nil {
		t.Errorf("list has history: %+v", short)
	}
	whole := decode[status.App](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/apps/shop"))
	if diff := cmp.Diff(f.apps[0], whole); diff != "" {
		t.Errorf("one app is told whole (-want +got):\n%s", diff)
	}
	if f.apps[0].Instances[1].Exits == nil || f.apps[0].Instances[1].LastExit.LastLines == nil || f.apps[0].Instances[1].LastExit.Probes == nil {
		t.Error("the list changed what it was given")
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	s, f := newTestServer(t)
	f.apps = []status.App{{ID: "bare"}}
	f.snapshot.Config.Routes, f.snapshot.Config.Listeners = nil, nil
	f.lines = nil
	for _, path := range []string{"/apps?state=exited", "/apps/bare/instances", "/apps/bare/logs", "/routes", "/events"} {
		r := ask(t, s.LocalHandler(), http.MethodGet, prefix+path)
		if want := `{"data":[],"total":0}`; strings.TrimSpace(r.body) != want {
			t.Errorf("%s: %s, want %s", path, r.body, want)
		}
	}
	for _, path := range []string{"/apps", "/apps/bare"} {
		if r := ask(t, s.LocalHandler(), http.MethodGet, prefix+path); !strings.Contains(r.body, `"instances":[]`) {
			t.Errorf("%s: %s, want empty instances", path, r.body)
		}
	}
}

func TestActions(t *testing.T) {
	s, f := newTestServer(t)
	for _, name := range []string{"start", "stop", "restart"} {
		f.actions = nil
		r := ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/shop/actions/"+name)
		if r.StatusCode != http.StatusAccepted || r.Header.Get("Location") != "/api/v1/apps/shop" {
			t.Errorf("%s: status %d, Location %q", name, r.StatusCode, r.Header.Get("Location"))
		}
		if a := decode[Action](t, r); a.App != "shop" || a.Action != name || a.RequestedAt.IsZero() {
			t.Errorf("%s: %+v", name, a)
		}
		if want := []string{name + " shop"}; !slices.Equal(f.actions, want) {
			t.Errorf("did %v, want %v", f.actions, want)
		}
	}
}

// TestErrorsBecomeProblems is the mapping of problem.go.
func TestErrorsBecomeProblems(t *testing.T) {
	s, f := newTestServer(t)
	for _, test := range []struct {
		err    error
		status int
		code   Code
		detail string
	}{
		{fmt.Errorf("app %q: %w", "shop", status.ErrNotFound), 404, CodeNotFound, `app "shop"`},
		{fmt.Errorf("app %q is being removed: %w", "shop", status.ErrConflict), 409, CodeConflict, "being removed"},
		{status.ErrNotSaved, 507, CodeNotSaved, "not saved"},
		{status.ErrNotReady, 503, CodeNotReady, "no instance"},
		{errors.New("open /secret/place: permission denied"), 500, CodeInternal, "its log"},
	} {
		f.fail = test.err
		p := wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/shop/actions/stop"), test.status, test.code)
		if !strings.Contains(p.Detail, test.detail) || strings.Contains(p.Detail, "/secret/place") {
			t.Errorf("detail %q, want it to have %q", p.Detail, test.detail)
		}
	}
}

func TestReadiness(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*fakes)
		want   int
		reason string
	}{
		{"ready though an app is degraded", func(*fakes) {}, 200, ""},
		{"listener missing", func(f *fakes) { f.ready, f.reasons = false, []string{"listener web is not bound"} }, 503, "listener web"},
		{"paused", func(f *fakes) { f.paused = true }, 503, "paused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, f := newTestServer(t)
			test.change(f)
			f.startID = "the start"
			r := ask(t, s.PublicHandler(), http.MethodGet, "/readyz")
			if r.StatusCode != test.want || !strings.Contains(r.body, test.reason) {
				t.Errorf("status %d, want %d: %s", r.StatusCode, test.want, r.body)
			}
			if body := decode[Ready](t, r); body.Ready != (test.want == 200) || len(body.Apps) != 2 || body.Apps[0].Condition != status.Degraded || body.Version != "1.2.3" || body.StartID != "" {
				t.Errorf("body %+v", body)
			}
			if body := decode[Ready](t, ask(t, s.LocalHandler(), http.MethodGet, "/readyz")); body.StartID != "the start" {
				t.Errorf("local door: body %+v, want the start's name", body)
			}
			if r := ask(t, s.PublicHandler(), http.MethodGet, "/livez"); r.StatusCode != 200 {
				t.Errorf("live: status %d, want 200 whatever is missing", r.StatusCode)
			}
		})
	}
}

func TestServiceActions(t *testing.T) {
	s, f := newTestServer(t)
	for _, test := range []struct {
		action string
		paused bool
	}{{"pause", true}, {"pause", true}, {"continue", false}, {"continue", false}} {
		r := decode[ServiceStatus](t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/service/actions/"+test.action))
		if r.Paused != test.paused || r.Ready == test.paused || f.paused != test.paused {
			t.Errorf("%s: %+v", test.action, r)
		}
	}
	f.problems = config.Problems{{Code: "HF100", Severity: config.Error, Message: "x"}, {Code: "HF101", Severity: config.Warning, Message: "y"}}
	got := decode[ServiceStatus](t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/service"))
	if want := (ReloadStatus{Time: epoch(), Errors: 1, Warnings: 1}); got.LastReload != want {
		t.Errorf("last_reload %+v, want %+v", got.LastReload, want)
	}
}

func TestReload(t *testing.T) {
	s, f := newTestServer(t)
	got := decode[ConfigReload](t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/config/reload"))
	if got.Revision != 15 || !got.Changed {
		t.Errorf("reload %+v", got)
	}
	f.problems = config.Problems{{
		Code: "HF204", Severity: config.Error, Message: `unknown key "periodSeconds"`, Hint: `did you mean "period"?`,
		File: "conf.d/shop.yaml", Line: 21, Column: 7, Pointer: "/apps/shop/liveness_probe/periodSeconds",
		Snippet: &config.Snippet{FirstLine: 20, Lines: []string{"    liveness_probe:", "      periodSeconds: 10"}, Width: 13},
	}, {Code: "HF300", Severity: config.Warning, Message: "a backslash", Source: "--set x"}}
	p := wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/config/reload"), http.StatusUnprocessableEntity, CodeConfig)
	if p.Revision != 15 {
		t.Errorf("revision %d, want 15", p.Revision)
	}
	if diff := cmp.Diff(f.problems, p.ConfigProblems(), cmp.Comparer(sameProblem)); diff != "" {
		t.Errorf("problems came back changed (-want +got):\n%s", diff)
	}
}

func sameProblem(a, b config.Problem) bool {
	return a.Code == b.Code && a.Severity == b.Severity && a.Message == b.Message && a.Hint == b.Hint && a.File == b.File &&
		a.Line == b.Line && a.Column == b.Column && a.Pointer == b.Pointer && a.Source == b.Source && cmp.Equal(a.Snippet, b.Snippet)
}

func TestCheck(t *testing.T) {
	s, f := newTestServer(t)
	f.problems = config.Problems{{Code: "HF204", Severity: config.Error, Message: "unknown key"}}
	for _, media := range []string{"", "application/yaml", "application/yaml; charset=utf-8", "text/yaml"} {
		r := ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/config/check", withBody("version: 1\n"), withHeader("Content-Type", media))
		got := decode[ConfigCheck](t, r)
		if r.StatusCode != 200 || got.Valid || got.Errors != 1 || len(got.Problems) != 1 || string(f.checked) != "version: 1\n" {
			t.Errorf("%q: %d %+v, checked %q", media, r.StatusCode, got, f.checked)
		}
	}
}

func TestMaskForStrangers(t *testing.T) {
	tree := map[string]any{
		"management": map[string]any{"address": "127.0.0.1:9180"},
		"apps": map[string]any{"shop": map[string]any{
			"command":        []string{"/bin/shop", "--password=planted-1"},
			"env":            map[string]any{"TOKEN": "planted-2"},
			"liveness_probe": map[string]any{"http_get": map[string]any{"path": "/healthz", "headers": map[string]string{"Authorization": "planted-3"}}},
		}},
	}
	plain, err := plainTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	maskForStrangers(plain, nil)
	want := map[string]any{
		"management": map[string]any{"address": "127.0.0.1:9180"},
		"apps": map[string]any{"shop": map[string]any{
			"command":        []any{"/bin/shop", config.Mask},
			"env":            map[string]any{"TOKEN": config.Mask},
			"liveness_probe": map[string]any{"http_get": map[string]any{"path": "/healthz", "headers": map[string]any{"Authorization": config.Mask}}},
		}},
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := tree["apps"].(map[string]any)["shop"].(map[string]any)["command"].([]string)[1]; got != "--password=planted-1" {
		t.Errorf("the tree itself was changed: %s", got)
	}
}

func TestListLogs(t *testing.T) {
	s, _ := newTestServer(t)
	for _, test := range []struct {
		query string
		want  []string
		total int
	}{
		{"", []string{"listening on 20001", "listening on 20002", "Error: connect ECONNREFUSED 10.0.0.9:5432", "GET /"}, 4},
		{"?limit=1", []string{"GET /"}, 4},
		{"?limit=1&offset=1", []string{"Error: connect ECONNREFUSED 10.0.0.9:5432"}, 4},
		{"?offset=4", []string{}, 4},
		{"?stream=stderr", []string{"Error: connect ECONNREFUSED 10.0.0.9:5432"}, 1},
		{"?instance=shop-1", []string{"listening on 20001", "GET /"}, 2},
		{"?since=2026-03-01T10:45:02Z", []string{"Error: connect ECONNREFUSED 10.0.0.9:5432", "GET /"}, 2},
	} {
		t.Run(test.query, func(t *testing.T) {
			list := decode[List[status.Line]](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/apps/shop/logs"+test.query))
			got := []string{}
			for _, l := range list.Data {
				got = append(got, l.Text)
			}
			if !slices.Equal(got, test.want) || list.Total != test.total {
				t.Errorf("got %q of %d, want %q of %d", got, list.Total, test.want, test.total)
			}
		})
	}
}

func TestListEvents(t *testing.T) {
	s, f := newTestServer(t)
	f.bus.Publish(event.InstanceStarted{About: event.About{App: "shop", Instance: "shop-1"}, PID: 7})
	f.bus.Publish(event.AppDown{About: event.About{App: "shop"}})
	f.bus.Publish(event.GatewayPaused{})
	for _, test := range []struct {
		query string
		want  []uint64
		total int
	}{
		{"", []uint64{3, 2, 1}, 3},
		{"?sort=id&limit=2", []uint64{1, 2}, 3},
		{"?app=shop", []uint64{2, 1}, 2},
		{"?instance=shop-1", []uint64{1}, 1},
		{"?severity=error", []uint64{2}, 1},
		{"?severity=warning", []uint64{3, 2}, 2},
		{"?type=gateway.paused", []uint64{3}, 1},
		{"?after=2", []uint64{3}, 1},
	} {
		t.Run(test.query, func(t *testing.T) {
			list := decode[List[event.Event]](t, ask(t, s.LocalHandler(), http.MethodGet, "/api/v1/events"+test.query))
			got := []uint64{}
			for _, e := range list.Data {
				got = append(got, e.ID)
			}
			if !slices.Equal(got, test.want) || list.Total != test.total {
				t.Errorf("got %v of %d, want %v of %d", got, list.Total, test.want, test.total)
			}
		})
	}
}
