package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/status"
)

func TestFollowEndsWithTheStream(t *testing.T) {
	for form, want := range map[string]string{
		"table": "shop-1 stdout new\n",
		"json":  `"text":"new"}` + "\n",
		"yaml":  "---\nseq: 4\n",
	} {
		t.Run(form, func(t *testing.T) {
			f, data := newFakeHoldfast(t)
			f.live <- status.Line{Seq: 4, Time: now(), Instance: "shop-1", Stream: "stdout", Text: "new"} // two are missing
			close(f.live)
			code, stdout, stderr := runCommand(t, "", "logs", "shop", "-f", "-n", "1", "--reconnect", "0", "-o", form, "--data", data)
			if code != exitUnreachable || !strings.Contains(stderr, "the stream ended") {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if !strings.Contains(stdout, want) || !strings.Contains(stdout, "ECONNREFUSED") {
				t.Errorf("stdout %q, want %q", stdout, want)
			}
			switch form {
			case "table":
				if !strings.Contains(stderr, "2 lines missing here") {
					t.Errorf("stderr %q does not tell the gap", stderr)
				}
			case "json":
				if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 3 || lines[1] != `{"gap":{"reason":"slow","missed":2}}` {
					t.Errorf("lines %q, want one of JSON for each entry and one for the gap", lines)
				}
			}
		})
	}
}

// TestFollowGoesOn stands for a restart of Holdfast while somebody follows.
func TestFollowGoesOn(t *testing.T) {
	f, _ := newFakeHoldfast(t)
	data := t.TempDir()
	stop := f.serve(t, data) // a second door, which can be closed
	var out, errs syncBuffer
	done := make(chan int, 1)
	go func() {
		done <- run([]string{"logs", "shop", "-f", "-n", "1", "--reconnect", "1m", "--data", data}, strings.NewReader(""), &out, &errs)
	}()
	out.waitFor(t, "ECONNREFUSED")
	stop()
	errs.waitFor(t, "-- Holdfast ended the stream; trying to go on for up to 1m0s --\n")
	f.mu.Lock()
	f.lines = []status.Line{{Seq: 1, Time: now(), Instance: "shop-1", Stream: "stdout", Text: "after the restart"}}
	f.mu.Unlock()
	stop = f.serve(t, data)
	out.waitFor(t, "after the restart")
	errs.waitFor(t, "-- connected again --\n-- some lines missing here: Holdfast was started anew --\n")
	f.mu.Lock()
	f.apps = f.apps[1:] // a reload took it away
	f.mu.Unlock()
	stop()
	stop = f.serve(t, data)
	t.Cleanup(stop)
	if code := <-done; code != exitFailed {
		t.Errorf("exit code %d after the app is gone, want %d: %s", code, exitFailed, errs.String())
	}
	if n := strings.Count(errs.String(), "ended the stream"); n != 2 {
		t.Errorf("told %d times that the stream ended, want 2:\n%s", n, errs.String())
	}
}

func TestFollowGivesUp(t *testing.T) {
	f, data := newFakeHoldfast(t)
	close(f.live)
	code, _, stderr := runCommand(t, "", "logs", "shop", "-f", "--reconnect", "600ms", "--data", data)
	if code != exitUnreachable || !strings.Contains(stderr, "could not be continued within 600ms") || strings.Count(stderr, "--\n") != 2 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

// syncBuffer is written by a command while a test looks at it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor waits until text was written, for at most 20 s.
func (s *syncBuffer) waitFor(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !strings.Contains(s.String(), text) {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("%q was never written, but %q", text, s.String())
		}
	}
}
