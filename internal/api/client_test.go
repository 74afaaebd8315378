package api

import (
	"context"
	"errors"
	"net"
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

func TestClient(t *testing.T) {
	s, f := newTestServer(t)
	client, _ := serveLocal(t, s)
	ctx := t.Context()

	apps, err := client.Apps(ctx)
	if err != nil || len(apps) != 2 || apps[0].ID != "shop" {
		t.Errorf("Apps: %v, %v", apps, err)
	}
	app, err := client.App(ctx, "shop")
	if diff := cmp.Diff(f.apps[0], app); err != nil || diff != "" {
		t.Errorf("App: %v (-want +got):\n%s", err, diff)
	}
	routes, err := client.Routes(ctx)
	if diff := cmp.Diff(s.routes(), routes); err != nil || diff != "" {
		t.Errorf("Routes: %v (-want +got):\n%s", err, diff)
	}
	for name, do := range map[string]func(context.Context, string) (Action, error){
		"start": client.Start, "stop": client.Stop, "restart": client.Restart,
	} {
		if a, err := do(ctx, "shop"); err != nil || a.Action != name {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if lines, err := client.Logs(ctx, LogQuery{App: "shop", Stream: "stderr", Newest: 5}); err != nil || len(lines) != 1 || lines[0].Seq != 2 {
		t.Errorf("Logs: %v, %v", lines, err)
	}
	if lines, err := client.Logs(ctx, LogQuery{App: "shop", Newest: 5, Since: epoch().Add(2 * time.Second)}); err != nil || len(lines) != 2 {
		t.Errorf("Logs since: %v, %v", lines, err)
	}
	f.bus.Publish(event.AppDown{About: event.About{App: "shop"}})
	if events, err := client.Events(ctx, EventQuery{App: "shop", Severity: "error", Newest: 5}); err != nil || len(events) != 1 {
		t.Errorf("Events: %v, %v", events, err)
	}
	if v, err := client.Config(ctx); err != nil || v.Revision != 14 {
		t.Errorf("Config: %v, %v", v, err)
	}
	if c, err := client.CheckConfig(ctx, []byte("version: 1\n")); err != nil || !c.Valid {
		t.Errorf("CheckConfig: %v, %v", c, err)
	}
	if v, err := client.Pause(ctx); err != nil || !v.Paused {
		t.Errorf("Pause: %v, %v", v, err)
	}
	if v, err := client.Continue(ctx); err != nil || v.Paused {
		t.Errorf("Continue: %v, %v", v, err)
	}
	if r, err := client.Reload(ctx); err != nil || r.Revision != 15 {
		t.Errorf("Reload: %v, %v", r, err)
	}
	f.problems = config.Problems{{Code: "HF204", Severity: config.Error, Message: "unknown key"}}
	_, err = client.Reload(ctx)
	if p, ok := errors.AsType[*Problem](err); !ok || p.Code != CodeConfig || p.ConfigProblems().Errors() != 1 {
		t.Errorf("rejected Reload: %v", err)
	}
	_, err = client.App(ctx, "a/b?c")
	if p, ok := errors.AsType[*Problem](err); !ok || p.Status != http.StatusNotFound {
		t.Errorf("App with a strange name: %v", err)
	}
}

func TestClientReadsEveryPage(t *testing.T) {
	s, f := newTestServer(t)
	f.apps = nil
	for i := range 1201 {
		f.apps = append(f.apps, status.App{ID: strings.Repeat("a", 1+i/100) + string(rune('0'+i%100)), Instances: []status.Instance{}})
	}
	client, _ := serveLocal(t, s)
	apps, err := client.Apps(t.Context())
	if err != nil || len(apps) != 1201 {
		t.Errorf("%d apps, %v", len(apps), err)
	}
}

func TestClientFollowsLogs(t *testing.T) {
	s, f := newTestServer(t)
	client, _ := serveLocal(t, s)
	f.follower.c <- line("shop-1", 5, "stdout", "after a gap")
	var got []string
	var last string
	for entry, err := range client.FollowLogs(t.Context(), LogQuery{App: "shop", Newest: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Gap != nil {
			got = append(got, "gap")
			continue
		}
		got, last = append(got, entry.Value.Text), entry.ID
		if len(got) == 3 {
			break
		}
	}
	if want := []string{"GET /", "gap", "after a gap"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f.follower = newFakeFollower()
	close(f.follower.c)
	f.lines = append(f.lines, line("shop-1", 6, "stdout", "later"))
	for entry, err := range client.FollowLogs(t.Context(), LogQuery{App: "shop", After: last}) {
		if err != nil || entry.Value.Text != "later" {
			t.Errorf("continued with %+v, %v", entry, err)
		}
	}
}

func TestClientFollowErrors(t *testing.T) {
	s, _ := newTestServer(t)
	client, _ := serveLocal(t, s)
	for _, err := range client.FollowLogs(t.Context(), LogQuery{App: "nope"}) {
		if p, ok := errors.AsType[*Problem](err); !ok || p.Code != CodeNotFound {
			t.Errorf("error %v, want not_found", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range client.FollowEvents(ctx, EventQuery{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	}
}

// TestClientAgainstAnotherServer is about an endpoint that somebody else serves.
func TestClientAgainstAnotherServer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no JSON":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
		"error without it": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"foreign problem": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(`{"status":200}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := endpointIn(t)
			l := listen(t, endpoint)
			server := &http.Server{Handler: answer, ReadHeaderTimeout: time.Second}
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			client := Dial(endpoint)
			_, err := client.Service(t.Context())
			if err == nil {
				t.Error("no error")
			}
			if _, ok := errors.AsType[*Problem](err); ok {
				t.Errorf("%v is taken for a problem of ours", err)
			}
			client.Close()
			_ = server.Close()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
}

func TestClientToldNothing(t *testing.T) {
	endpoint := endpointIn(t)
	l := listen(t, endpoint)
	done := make(chan struct{})
	go func() { // turns everybody away, as Accept does with a stranger
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if _, err := Dial(endpoint).Service(t.Context()); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
	_ = l.Close()
	<-done
}
