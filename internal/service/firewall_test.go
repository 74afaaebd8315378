package service

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const program = `C:\Program Files\Shop\holdfast.exe`

func TestFirewallArguments(t *testing.T) {
	rule := FirewallRule{Name: "Shop HTTP", Program: program, Enabled: true}
	tests := []struct {
		name string
		do   func(Firewall) error
		want []string
		err  string
	}{
		{"add", func(f Firewall) error { return f.Add(t.Context(), rule) }, []string{
			"advfirewall", "firewall", "add", "rule", "name=Shop HTTP", "dir=in", "program=" + program,
			"action=allow", "protocol=TCP", "profile=any", "enable=yes", "description=Lets clients reach what the service serves.",
		}, ""},
		{"enable", func(f Firewall) error { return f.SetEnabled(t.Context(), rule, true) }, []string{
			"advfirewall", "firewall", "set", "rule", "name=Shop HTTP", "dir=in", "program=" + program, "new", "enable=yes",
		}, ""},
		{"disable", func(f Firewall) error { return f.SetEnabled(t.Context(), rule, false) }, []string{
			"advfirewall", "firewall", "set", "rule", "name=Shop HTTP", "dir=in", "program=" + program, "new", "enable=no",
		}, ""},
		{"remove", func(f Firewall) error { return f.Remove(t.Context(), rule) }, []string{
			"advfirewall", "firewall", "delete", "rule", "name=Shop HTTP", "dir=in", "program=" + program,
		}, ""},
		// These would remove rules of others.
		{"every name", func(f Firewall) error { return f.Remove(t.Context(), FirewallRule{Name: "ALL", Program: program}) }, nil, "needs a name of its own"},
		{"no name", func(f Firewall) error { return f.Remove(t.Context(), FirewallRule{Program: program}) }, nil, "needs a name of its own"},
		{"no program", func(f Firewall) error { return f.Remove(t.Context(), FirewallRule{Name: "Shop HTTP"}) }, nil, "and a program"},
		{"refused", func(f Firewall) error {
			return f.Add(t.Context(), FirewallRule{Name: "bad", Program: program})
		}, nil, "firewall rule bad of " + program + ": add: exit status 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := tt.do(netsh{run: func(_ context.Context, args ...string) error {
				if strings.Contains(strings.Join(args, " "), "name=bad") {
					return errors.New("exit status 1")
				}
				got = args
				return nil
			}})
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestFirewallRules(t *testing.T) {
	f := netsh{kept: func() ([]string, error) {
		return []string{
			`v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=` + program + `|Name=Shop HTTP|Desc=x|`,
			`v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|App=D:\x.exe|Name=Shop HTTP|`,
			`v2.30|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|App=` + program + `|Name=Shop HTTP|`,
			`v2.30|Action=Allow|Active=TRUE|Dir=In|Name=@FirewallAPI.dll,-80201|`,
			"", "|||", "Name=Shop HTTP",
		}, nil
	}}
	got, err := f.Rules("Shop HTTP")
	want := []FirewallRule{{"Shop HTTP", program, true}, {"Shop HTTP", `D:\x.exe`, false}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	f.kept = func() ([]string, error) { return nil, ErrDenied }
	if _, err := f.Rules("x"); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseFirewallRule(f *testing.F) {
	f.Add(`v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\x.exe|Name=Shop HTTP|`)
	f.Add("Name=|Dir=In|=|")
	f.Fuzz(func(t *testing.T, text string) {
		if r, inbound := parseFirewallRule(text); inbound && (r.Name == "" || strings.Contains(r.Name+r.Program, "|")) {
			t.Errorf("%q: %+v", text, r)
		}
	})
}
