package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakePipe answers one request.
type fakePipe struct {
	asked  bytes.Buffer
	answer io.Reader
	pid    int
}

func newFakePipe(answer readiness, pid int) *fakePipe {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	code := "200 OK"
	if !answer.Ready {
		code = "503 Service Unavailable"
	}
	return &fakePipe{answer: strings.NewReader(fmt.Sprintf("HTTP/1.0 %s\r\nContent-Type: application/json\r\n\r\n%s\n", code, body)), pid: pid}
}

func (p *fakePipe) Read(b []byte) (int, error) {
	if !strings.HasPrefix(p.asked.String(), "GET /readyz HTTP/1.0\r\nHost: localhost\r\n") || !strings.HasSuffix(p.asked.String(), "\r\n\r\n") {
		return 0, fmt.Errorf("asked %q", p.asked.String())
	}
	return p.answer.Read(b)
}

func (p *fakePipe) Write(b []byte) (int, error)   { return p.asked.Write(b) }
func (p *fakePipe) Close() error                  { return nil }
func (p *fakePipe) SetDeadline(t time.Time) error { return nil }
func (p *fakePipe) Server() (int, error)          { return p.pid, nil }

// healthy is the answer of the service that was started.
func healthy(m *fakeMachine) (readiness, int, error) {
	return readiness{Ready: true, Version: "1.3.0+abc", StartID: m.startID}, m.pid, nil
}

// after is one answer n times, then another.
func after(n int, first, then func(*fakeMachine) (readiness, int, error)) func(*fakeMachine) (readiness, int, error) {
	return func(m *fakeMachine) (readiness, int, error) {
		if n--; n >= 0 {
			return first(m)
		}
		return then(m)
	}
}

func TestStart(t *testing.T) {
	silent := func(*fakeMachine) (readiness, int, error) { return readiness{}, 0, errors.New("no pipe") }
	change := func(f func(*readiness)) func(*fakeMachine) (readiness, int, error) {
		return func(m *fakeMachine) (readiness, int, error) {
			r, pid, err := healthy(m)
			f(&r)
			return r, pid, err
		}
	}
	ends := func(m *fakeMachine) (readiness, int, error) {
		m.record.State, m.pid = "stopped", 0
		return silent(m)
	}
	stranger := func(m *fakeMachine) (readiness, int, error) { r, _, err := healthy(m); return r, 4, err }
	withApp := func(condition string) func(*fakeMachine) (readiness, int, error) {
		return change(func(r *readiness) {
			r.Apps = []app{{"web", "healthy"}, {"shop", condition}}
		})
	}
	tests := []struct {
		name   string
		apps   string // --apps
		before func(*fakeMachine)
		answer func(*fakeMachine) (readiness, int, error)
		want   string // in the error; "" for success
		at     time.Duration
	}{
		{name: "healthy at once", answer: healthy},
		{name: "healthy after a while", answer: after(100, silent, healthy), at: 10 * time.Second},
		{name: "not ready, then healthy", answer: after(10, change(func(r *readiness) { r.Ready, r.Reasons = false, []string{"listener web"} }), healthy), at: time.Second},
		{name: "somebody else's pipe, then its own", answer: after(10, stranger, healthy), at: time.Second},
		{name: "it was running", before: func(m *fakeMachine) { m.record.State, m.pid = "running", 9 }, answer: healthy},
		{name: "it was still stopping", before: func(m *fakeMachine) { m.record.State, m.deaf = "stop_pending", 3 }, answer: healthy, at: 1500 * time.Millisecond},

		{name: "apps do not count", apps: "any", answer: withApp("down")},
		{name: "apps count, and one comes up", apps: "ready", answer: after(20, withApp("down"), withApp("degraded")), at: 2 * time.Second},
		{name: "apps count, and one has ended well", apps: "ready", answer: withApp("stopped")},
		{name: "apps count, and one stays down", apps: "ready", answer: withApp("down"), want: "no instance of shop is ready", at: time.Minute},
		{name: "silent", answer: silent, want: "not ready after 1m0s (HF_HEALTHTIMEOUT): nobody answers", at: time.Minute},
		{name: "never ready", answer: change(func(r *readiness) { r.Ready, r.Reasons = false, []string{"listener web is not bound"} }), want: "listener web is not bound", at: time.Minute},
		{name: "somebody else's pipe", answer: stranger, want: "process 4 answers on", at: time.Minute},
		{name: "another version", answer: change(func(r *readiness) { r.Version = "1.2.0" }), want: `version "1.2.0", and not "1.3.0+abc"`},
		{name: "another start", answer: change(func(r *readiness) { r.StartID = "another" }), want: "started again by somebody else"},
		{name: "start without a name", answer: change(func(r *readiness) { r.StartID = "" }), want: "started again by somebody else"},
		{name: "it ends", answer: after(20, silent, ends), want: "The service ended with exit code 3: the configuration is invalid. See every problem with its cure: holdfast check. The service's own entry in the Application log (110 or 111), just before this one, tells more.", at: 2100 * time.Millisecond},
		{name: "it cannot be started", before: func(m *fakeMachine) { m.record.Start = startDisabled }, answer: healthy, want: "it is disabled"},
		{name: "it is not installed", before: func(m *fakeMachine) { m.record.Installed = false }, answer: healthy, want: "not installed"},
		{name: "never running for the service manager", before: func(m *fakeMachine) { m.onBegin = func(m *fakeMachine) { m.record.State = "start_pending" } }, answer: healthy, want: "the service is start_pending", at: time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newFake()
				m.nodes[dataDir+`\setup`] = node{folder: true}
				m.file(dataDir+`\logs\holdfast.log`, strings.Repeat("an old line\n", 100)+"listener web: port 80 is taken\n")
				m.record.Installed, m.record.State, m.record.Start = true, "stopped", "auto"
				if tt.before != nil {
					tt.before(m)
				}
				m.answer = tt.answer
				begun := time.Now()
				err := m.run(t, "start", map[string]string{argApps: tt.apps})
				if took := time.Since(begun); took != tt.at {
					t.Errorf("took %v, want %v", took, tt.at)
				}
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, want %q", err, tt.want)
				}
				if err == nil {
					return
				}
				log := m.nodes[dataDir+`\setup\setup.log`].data
				if m.record.Installed && (!strings.Contains(log, "listener web: port 80 is taken") || strings.Count(log, "an old line") != tailLines-1) {
					t.Errorf("the service's log is not quoted: %s", log)
				}
				if len(m.told) != 1 || strings.Contains(m.told[0], "an old line") || !strings.HasPrefix(m.told[0], "error 139 The Shop 1.3.0: HfStart failed: ") {
					t.Errorf("Event Log: %q", m.told)
				}
			})
		})
	}
}

func TestHealthTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFake()
		m.record.Installed, m.record.State = true, "stopped"
		begun := time.Now()
		if err := m.run(t, "start", map[string]string{argTimeout: "7"}); err == nil || time.Since(begun) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

func TestStopIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(*fakeMachine)
		did    string
		at     time.Duration
		err    string
	}{
		"running":                   {func(m *fakeMachine) { m.record.State = "running" }, "stop", 0, ""},
		"nothing installed":         {func(m *fakeMachine) { m.record.Installed = false }, "", 0, ""},
		"another program's service": {func(m *fakeMachine) { m.foreign = true }, "", 0, ""},
		"busy for a while":          {func(m *fakeMachine) { m.deaf = 4 }, "stop", 2 * time.Second, ""},
		"deaf":                      {func(m *fakeMachine) { m.deaf = 1 << 30 }, "kill", stopLimit, ""},
		"deaf and immortal":         {func(m *fakeMachine) { m.deaf, m.unkillable = 1<<30, true }, "", stopLimit, "its process cannot be ended"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newFake()
				m.record.Installed, m.record.State, m.record.Start = true, "running", "auto"
				tt.before(m)
				begun := time.Now()
				err := m.run(t, "stop", nil)
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				if got := strings.Join(m.did, ", "); got != tt.did || time.Since(begun) != tt.at {
					t.Errorf("did %q in %v, want %q in %v", got, time.Since(begun), tt.did, tt.at)
				}
			})
		})
	}
}

func TestReadAnswer(t *testing.T) {
	want := readiness{Ready: true, Reasons: []string{}, Version: "1", StartID: "x", Apps: []app{{ID: "a"}}}
	const body = `{"ready":true,"reasons":[],"version":"1","start_id":"x","apps":[{"id":"a"}]}`
	for name, tt := range map[string]struct{ text, err string }{
		"as Holdfast answers":    {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: 1\r\n\r\n" + body + "\n", ""},
		"with a length":          {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s and more", len(body), body), ""},
		"not ready is an answer": {"HTTP/1.0 503 Service Unavailable\r\n\r\n" + body, ""},
		"bare line feeds":        {"HTTP/1.0 200 OK\n\n" + body, ""},
		"nothing":                {"", "EOF"},
		"no HTTP":                {"SSH-2.0-x\r\n\r\n", "no answer to this question"},
		"an error":               {"HTTP/1.0 404 Not Found\r\n\r\n" + body, "no answer to this question"},
		"a redirect":             {"HTTP/1.0 302 Found\r\nLocation: http://x\r\n\r\n", "no answer to this question"},
		"cut off in the header":  {"HTTP/1.0 200 OK\r\nContent-Type: app", "EOF"},
		"cut off in the body":    {"HTTP/1.0 200 OK\r\n\r\n" + body[:20], "EOF"},
		"shorter than it says":   {"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n" + body, "EOF"},
		"chunks":                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4c\r\n" + body, "no transfer encoding"},
		"length that is none":    {"HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n" + body, "content length"},
		"no JSON":                {"HTTP/1.0 200 OK\r\n\r\n<html>", "invalid character"},
		"another shape":          {"HTTP/1.0 200 OK\r\n\r\n[1]", "cannot unmarshal"},
		"endless header":         {"HTTP/1.0 200 OK\r\n" + strings.Repeat("A: b\r\n", answerMax), "malformed"},
		"endless line":           {strings.Repeat("x", 2*answerMax), "EOF"},
		"no colon":               {"HTTP/1.0 200 OK\r\nnonsense\r\n\r\n" + body, "malformed"},
	} {
		got, err := readAnswer(strings.NewReader(tt.text))
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
		if d := cmp.Diff(want, got); err == nil && d != "" {
			t.Errorf("%s: (-want +got):\n%s", name, d)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"ready\":true,\"version\":\"1\"}\n"))
	f.Add([]byte("HTTP/1.1 503 x\r\nContent-Length: 2\r\n\r\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := readAnswer(bytes.NewReader(data)); err != nil && (r.Ready || r.Version != "") {
			t.Errorf("%q: an error, and yet %+v", data, r)
		}
	})
}
