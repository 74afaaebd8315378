//go:build faults && linux

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/build/rig"
)

// binary is the holdfast under test, built once by TestMain.
var binary string

// full asks for the long form.
var full = os.Getenv("HOLDFAST_FAULTS") == "full"

// lines are the rows so far.
var lines struct {
	sync.Mutex
	text []string
}

func TestMain(m *testing.M) {
	os.Exit(runAll(m)) //nolint:forbidigo // a TestMain ends the process
}

func runAll(m *testing.M) int {
	code := rig.Run(m, func(built string) { binary = built })
	file := filepath.Join("..", "out", "faults.txt")
	err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(strings.Join(lines.text, "")), 0o644))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// row tells one figure, and fails the test when it misses its target.
func row(t *testing.T, name string, ok bool, target, figure string, args ...any) {
	t.Helper()
	verdict, measured := "ok", fmt.Sprintf(figure, args...)
	if !ok {
		verdict = "FAILED"
		t.Errorf("%s: %s; target: %s", name, measured, target)
	}
	line := fmt.Sprintf("%-34s %s | target: %s | %s\n", name, measured, target, verdict)
	lines.Lock()
	defer lines.Unlock()
	lines.text = append(lines.text, line)
	t.Log(strings.TrimSpace(line))
}

// pick is the short or the full form of something.
func pick[T any](short, long T) T {
	if full {
		return long
	}
	return short
}

func newHome(t *testing.T, config string) *rig.Home {
	t.Helper()
	return rig.NewHome(t, binary, config)
}

// head is the beginning of every configuration.
const head = `
version: 1
management: {address: "{api}"}
listeners:
  web: {address: "{gateway}"}
`

// usage is what Holdfast itself, without its children, takes while do runs: of one core.
func usage(r *rig.Holdfast, do func()) float64 {
	pids, began := r.PIDs(), time.Now()
	before := rig.CPU(pids...)
	do()
	return (rig.CPU(pids...) - before).Seconds() / time.Since(began).Seconds()
}
