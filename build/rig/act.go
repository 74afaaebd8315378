//go:build linux

package rig

import (
	"bufio"
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// Act runs start, stop or restart through the CLI and wants it to succeed.
func (r *Holdfast) Act(t *testing.T, action, app string) {
	t.Helper()
	if out, problem, code := r.CLI(action, app); code != 0 {
		t.Fatalf("holdfast %s %s: exit code %d\n%s%s", action, app, code, out, problem)
	}
}

// One wants exactly the given event about an app and returns the newest.
func (r *Holdfast) One(t *testing.T, app string, kind event.Type) event.Event {
	t.Helper()
	r.WaitFor("the event "+string(kind)+" of "+app, func() bool { return len(r.Events(app, kind)) > 0 })
	all := r.Events(app, kind)
	return all[len(all)-1]
}

// LogFiles are the sizes of the files of an instance's output.
func (r *Holdfast) LogFiles(instance string) map[string]int64 {
	files := make(map[string]int64)
	_ = filepath.WalkDir(filepath.Join(r.Dir, "logs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), instance) {
			return nil // rotated away meanwhile
		}
		if info, err := d.Info(); err == nil {
			files[d.Name()] = info.Size()
		}
		return nil
	})
	return files
}

// Metric is the value of the first series whose name and labels begin so; "no" without one.
func (r *Holdfast) Metric(series string) string {
	resp, err := r.Client.Get("http://" + r.API + "/metrics")
	if err != nil {
		return "no"
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), series) {
			return lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:]
		}
	}
	return "no"
}

// WantDown wants an instance that waits for its next try and says why.
func (r *Holdfast) WantDown(t *testing.T, app, id string) {
	t.Helper()
	r.WaitFor(id+" to wait for its next try", func() bool {
		s := r.Instance(app, id).State
		return s == status.Backoff || s == status.CrashLoop
	})
	if i := r.Instance(app, id); i.Ready || i.Why == "" || i.NextTry.IsZero() {
		t.Errorf("%s: ready %v, why %q, next try %v; want not ready, a reason and a time", id, i.Ready, i.Why, i.NextTry)
	}
	if a := r.App(app); a.Condition != status.Down {
		t.Errorf("app %s is %s, want down", app, a.Condition)
	}
}

// Count is how many marked processes run a command with these arguments.
func (r *Holdfast) Count(argv ...string) int {
	want := strings.Join(argv, "\x00") + "\x00"
	n := 0
	for _, p := range Marked(r.Mark) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "cmdline"))
		if err == nil && string(line) == want {
			n++
		}
	}
	return n
}

// ReloadByAPI posts to the local socket, as the CLI does.
func (r *Holdfast) ReloadByAPI() {
	r.t.Helper()
	id, err := service.NewIdentity("Holdfast")
	if err != nil {
		r.t.Fatal(err)
	}
	endpoint := id.WithDataDir(r.Dir).Endpoint()
	client := &http.Client{Timeout: Patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", endpoint)
		},
	}}
	resp, err := client.Post("http://localhost/api/v1/config/reload", "application/json", nil)
	if err != nil {
		r.t.Fatalf("reload by the API: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("reload by the API: %s", resp.Status)
	}
}

// Get2 is a GET without any state.
func Get2(url string) (int, string, error) {
	client := &http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, resp.Status, nil
}

// Pause is part of what a test does (a random moment, a rate), never a way to wait for something.
func Pause(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// Newest are the newest events of all apps, oldest first; none while the API does not answer.
func (h *Home) Newest(limit int) []event.Event {
	answer, err := get[list[event.Event]](h, "/api/v1/events?sort=-id&limit="+strconv.Itoa(limit))
	if err != nil {
		return nil
	}
	slices.Reverse(answer.Data)
	return answer.Data
}

// Apps are all apps; none while the API does not answer.
func (h *Home) Apps() []status.App {
	answer, err := get[list[status.App]](h, "/api/v1/apps?limit=500")
	if err != nil {
		return nil
	}
	return answer.Data
}
