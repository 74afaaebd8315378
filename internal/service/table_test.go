package service

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and pages again")

func TestPagesAreGenerated(t *testing.T) {
	for file, write := range map[string]func(io.Writer) error{
		"EXITCODES.md": WriteExitCodes,
		"EVENTS.md":    WriteEventIDs,
	} {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("..", "..", "configs", file), want.String())
	}
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what the code says (-file +code); run: go test ./internal/service -update\n%s", file, d)
	}
}

func TestExitCodesAreInOrder(t *testing.T) {
	last := -1
	for _, c := range ExitCodes() {
		if c.Code <= last || c.Code > 255 || c.Meaning == "" {
			t.Errorf("%+v after %d", c, last)
		}
		last = c.Code
	}
}

func TestEventIDsKeepToTheirBlocks(t *testing.T) {
	blocks := map[string]uint32{
		"service": 1, "gateway": 1, "setup": 1, "config": 2, "app": 3, "instance": 3, "limits": 3, "state": 3, "circuit": 3, "upstream": 3, "certificate": 4, "auth": 4, "rollout": 5,
	}
	seen := map[string]bool{}
	var last uint32
	for _, e := range EventIDs() {
		room, _, _ := bytes.Cut([]byte(e.Type), []byte("."))
		if e.ID <= last || e.ID >= 1000 || e.ID/100 != blocks[string(room)] || seen[e.Type] {
			t.Errorf("%+v", e)
		}
		if got, ok := EventIDOf(e.Type); !ok || got != e {
			t.Errorf("EventIDOf(%s) = %+v, %t", e.Type, got, ok)
		}
		last, seen[e.Type] = e.ID, true
	}
	for _, id := range []uint32{eventStopped, eventStartFailed, eventEnded, eventStopFailed} {
		found := false
		for _, e := range EventIDs() {
			found = found || e.ID == id
		}
		if !found {
			t.Errorf("event %d is written but not in the table", id)
		}
	}
}
