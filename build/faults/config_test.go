//go:build faults && linux

package faults

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/event"
)

// TestBrokenConfiguration truncates the file anywhere and flips bits of it, while Holdfast reads it again
// and again. What does not hold is refused with its place; the app goes on in any case.
func TestBrokenConfiguration(t *testing.T) {
	h := newHome(t, web+"  fixed: {match: {path: /fixed}, respond: {body: \"fixed\"}}\n")
	file := filepath.Join(h.Dir, "holdfast.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := h.StartReady()
	r.WaitHealthy("web")
	random := rand.New(rand.NewPCG(1, 2))
	rounds, refused, placed, silent := pick(40, 400), 0, 0, 0
	for round := range rounds {
		broken := bytes.Clone(good)
		if round%2 == 0 {
			broken = broken[:random.IntN(len(broken))]
		} else {
			broken[random.IntN(len(broken))] ^= 1 << random.IntN(8)
		}
		check := exec.Command(binary, "--data", h.Dir, "check", write(t, filepath.Join(h.Dir, "broken.yaml"), broken))
		text, err := check.CombinedOutput()
		if err == nil { // still a good configuration, if another one: not for this test
			continue
		}
		if bytes.Contains(text, []byte("broken.yaml:")) {
			placed++
		} else {
			t.Logf("no place in: %s", text)
		}
		told := rejected(h)
		write(t, file, broken)
		if err := r.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for rejected(h) == told && time.Since(began) < 5*time.Second {
			rig.Pause(5 * time.Millisecond)
		}
		if rejected(h) == told {
			silent++
			t.Logf("nothing was told of:\n%s\n%s", broken, text)
		}
		refused++
		if code, body, err := h.Call("GET", "/fixed"); err != nil || code != 200 || body != "fixed" {
			t.Errorf("round %d: %d %q %v after a broken configuration", round, code, body, err)
		}
	}
	write(t, file, good)
	i := h.Instance("web", "web-1")
	row(t, "truncated and flipped configuration", refused > rounds/4 && placed == refused && silent == 0 && i.Restarts == 0 && i.Ready,
		"refused with the place, the old one stays", "%d broken files: %d with the place, %d refused silently; %d restarts", refused, placed, silent, i.Restarts)
	r.Stop()
}

// write replaces a file in one step.
func write(t *testing.T, file string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

// rejected is the newest event about a refused configuration.
func rejected(h *rig.Home) uint64 {
	var newest uint64
	for _, e := range h.Newest(50) {
		if e.Type == event.Type("config.rejected") {
			newest = max(newest, e.ID)
		}
	}
	return newest
}

// TestClockJumps runs the tests with fake time: no system that this runs on lets a test set its clock
// without the rest of the machine, and a Go program takes the time from the kernel itself, where no
// preloaded library can change it.
func TestClockJumps(t *testing.T) {
	list := exec.Command("go", "test", "-count=1", "-v", "-run", "Clock", "../../internal/supervise", "../../internal/health")
	out, err := list.CombinedOutput()
	passed := strings.Count(string(out), "--- PASS: Test")
	row(t, "clock jumps (fake time)", err == nil && passed > 0, "nothing is restarted", "%d tests of the state machine and the probes passed", passed)
	if err != nil {
		t.Logf("%s", out)
	}
}
