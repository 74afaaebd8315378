//go:build hftest

package main

import (
	"strings"
	"testing"
)

func TestFailAt(t *testing.T) {
	for _, v := range verbs() {
		for at, want := range map[string]bool{v.name: true, v.action: true, strings.ToUpper(v.action): true, "": false, "other": false} {
			if got := failsAt(map[string]string{failAt: at}, v); got != want {
				t.Errorf("%s told to fail at %q: got %t", v.name, at, got)
			}
		}
	}
	if _, given, err := parseArguments([]string{"apply", "--fail-at", "HfApply"}); err != nil || given[failAt] != "HfApply" {
		t.Errorf("%v, %v", given, err)
	}
	// The work is done before it fails, and undone as after any failure.
	m := newFake()
	if err := m.run(t, "snapshot", map[string]string{failAt: "HfSnapshot"}); err == nil || !strings.Contains(err.Error(), "told to fail") {
		t.Errorf("got %v", err)
	}
	if _, made := m.nodes[dataDir]; !made {
		t.Error("failed before its work")
	}
	if err := m.run(t, "snapshot-rollback", map[string]string{failAt: "HfSnapshot"}); err != nil {
		t.Errorf("the rollback: %v", err)
	}
	if err := m.run(t, "fail", map[string]string{failAt: "HfFail"}); err == nil {
		t.Error("HfFail did not fail")
	}
	if err := m.run(t, "fail", map[string]string{failAt: "HfApply"}); err != nil {
		t.Errorf("HfFail failed at another action: %v", err)
	}
}
