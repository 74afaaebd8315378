package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/service"
)

func TestServiceErrorsHaveTheirExitCodes(t *testing.T) {
	for want, err := range map[int]error{
		exitDenied:      fmt.Errorf("service Shop: %w", service.ErrDenied),
		exitUnreachable: fmt.Errorf("%w: here", service.ErrNoManager),
		exitUsage:       fmt.Errorf("%w: pause", service.ErrUnsupported),
		exitFailed:      fmt.Errorf("service Shop: %w", service.ErrNotInstalled),
	} {
		got, ok := errors.AsType[*exitError](serviceError(err))
		if !ok || got.code != want || !strings.Contains(got.Error(), err.Error()) {
			t.Errorf("%v: got %+v, want exit code %d", err, got, want)
		}
	}
}

func TestServiceStatusForPeople(t *testing.T) {
	var out bytes.Buffer
	if err := writeServiceStatus(&out, service.Status{
		Name: "Shop", Installed: true, State: "stopped", Detail: "ended with exit code 13: a listener cannot be bound",
		Account: `NT AUTHORITY\LocalService`, Start: service.StartAuto, ConfigFile: `C:\ProgramData\Shop\holdfast.yaml`,
	}); err != nil {
		t.Fatal(err)
	}
	want := `Shop: stopped
  why      ended with exit code 13: a listener cannot be bound
  account  NT AUTHORITY\LocalService
  start    auto
  config   C:\ProgramData\Shop\holdfast.yaml
Next: holdfast service start
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestServicePlanForPeople(t *testing.T) {
	plan := service.Plan{
		Steps:     []service.Step{{Text: "create service Shop", Detail: "account: LocalService\n"}},
		Unchanged: []string{"event source Shop"}, Notes: []string{"data is kept"},
	}
	for _, tt := range []struct {
		output string
		dryRun bool
		want   string
	}{
		{"table", true, "would create service Shop\n    account: LocalService\nunchanged: event source Shop\nnote: data is kept\n"},
		{"table", false, "unchanged: event source Shop\nnote: data is kept\nNext: holdfast service start\n"},
		{"yaml", true, "dry_run: true\nsteps:\n  - create service Shop\nunchanged:\n  - event source Shop\nnotes:\n  - data is kept\n"},
	} {
		var out bytes.Buffer
		c := &console{out: &out, output: tt.output}
		if err := c.showPlan(plan, tt.dryRun, "holdfast service start"); err != nil {
			t.Fatal(err)
		}
		if out.String() != tt.want {
			t.Errorf("-o %s, dry run %t: got\n%swant\n%s", tt.output, tt.dryRun, out.String(), tt.want)
		}
	}
}

// Every command of the group teaches: it says what it does and shows how it is typed.
func TestServiceHelpTeaches(t *testing.T) {
	cmd := newServiceCommand(&console{})
	want := []string{"install", "uninstall", "start", "stop", "restart", "pause", "continue", "reload", "status"}
	for _, name := range want {
		sub, _, err := cmd.Find([]string{name})
		if err != nil || sub == cmd {
			t.Errorf("no command %s: %v", name, err)
			continue
		}
		if sub.Short == "" || sub.Long == "" || !strings.Contains(sub.Example, "holdfast service "+name) {
			t.Errorf("%s does not teach", name)
		}
	}
}
