//go:build e2e && linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/build/rig"
)

// TestCheck is the part of `holdfast check` that its golden files cannot show: the exit codes, the
// streams, and that run refuses the same configuration in the same words.
func TestCheck(t *testing.T) {
	h := rig.NewHome(t, binary, "version: 1\n")
	good := filepath.Join(h.Dir, "good.yaml")
	bad := filepath.Join(h.Dir, "bad.yaml")
	for file, text := range map[string]string{
		good: "version: 1\napps:\n  shop:\n    command: [sleep, \"600\"]\n    port: none\n",
		bad:  "version: 1\napps:\n  shop:\n    command: [sleep, \"600\"]\n    instnaces: 2\nroutes:\n  shop: {app: shopp}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, problem, code := h.CLI("check", good); code != 0 {
		t.Errorf("check of a good file: exit code %d\n%s%s", code, out, problem)
	}
	out, problem, code := h.CLI("check", bad)
	text := out + problem
	if code != 3 {
		t.Errorf("check of a bad file: exit code %d, want 3\n%s", code, text)
	}
	for _, want := range []string{"bad.yaml:5:5", `"instnaces"`, `"instances"`, "bad.yaml:7", "2 errors"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}

	r := h.Start("--config", bad, "run")
	<-r.Done
	if code := r.Cmd.ProcessState.ExitCode(); code == 0 {
		t.Error("run of a bad file: exit code 0")
	}
	if !strings.Contains(r.Output.String(), "bad.yaml:5:5") {
		t.Errorf("run of a bad file says\n%s", r.Output)
	}
}

// TestPortOfListenerTaken names the program that has the port and the cure.
func TestPortOfListenerTaken(t *testing.T) {
	config := "version: 1\nmanagement: {address: \"{api}\"}\nlisteners:\n  web: {address: \"{gateway}\"}\n"
	first := rig.NewHome(t, binary, config)
	r := first.StartReady()
	second := rig.NewHome(t, binary, config)
	second.Gateway = first.Gateway
	second.Write(config)
	late := second.Start()
	<-late.Done
	if code := late.Cmd.ProcessState.ExitCode(); code == 0 {
		t.Error("exit code 0 though the listener's port is taken")
	}
	port := first.Gateway[strings.LastIndexByte(first.Gateway, ':')+1:]
	for _, want := range []string{`listener "web"`, port, "listeners.web.address"} {
		if !strings.Contains(late.Output.String(), want) {
			t.Errorf("no %q in\n%s", want, late.Output)
		}
	}
	r.Stop()
}
