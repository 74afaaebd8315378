//go:build !hftest

package main

import "testing"

func TestOnlyTestBuildsFailOnRequest(t *testing.T) {
	if _, _, err := parseArguments([]string{"apply", "--fail-at", "HfApply"}); err == nil {
		t.Error("--fail-at was taken")
	}
	if failsAt(map[string]string{"fail-at": "HfApply"}, verb{name: "apply", action: "HfApply"}) {
		t.Error("fails where it was told to")
	}
}
