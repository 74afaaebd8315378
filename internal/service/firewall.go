package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNoFirewall says that the Windows firewall does not run, so that nobody needs a rule in it.
var ErrNoFirewall = errors.New("the Windows firewall does not run")

// FirewallRule lets TCP connections from outside reach a program, whatever the port: its listeners
// follow its configuration.
type FirewallRule struct {
	Name    string `json:"name"`
	Program string `json:"program"` // full path
	Enabled bool   `json:"enabled"`
}

// Firewall keeps the inbound rules of the Windows firewall. A rule is meant by its name and program
// together, so that one of the same name that somebody else made stays. Errors: ErrNoFirewall.
type Firewall interface {
	Rules(name string) ([]FirewallRule, error)
	Add(ctx context.Context, r FirewallRule) error
	SetEnabled(ctx context.Context, r FirewallRule, enabled bool) error
	Remove(ctx context.Context, r FirewallRule) error
}

// netsh changes rules by the system's own program: its arguments are documented and can be tested
// anywhere, whereas the COM interface could only be tested on Windows. It reads them from the
// registry, where they are kept as text ([MS-GPFAS] 2.2.2), because netsh's output is in the
// language of the system.
type netsh struct {
	run  func(ctx context.Context, args ...string) error
	kept func() ([]string, error)
}

func (n netsh) Rules(name string) ([]FirewallRule, error) {
	texts, err := n.kept()
	if err != nil {
		return nil, fmt.Errorf("firewall rules: %w", err)
	}
	var rules []FirewallRule
	for _, text := range texts {
		if r, inbound := parseFirewallRule(text); inbound && r.Name == name {
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// parseFirewallRule reads "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\x.exe|Name=x|".
func parseFirewallRule(text string) (r FirewallRule, inbound bool) {
	for field := range strings.SplitSeq(text, "|") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "Name":
			r.Name = value
		case "App":
			r.Program = value
		case "Active":
			r.Enabled = strings.EqualFold(value, "TRUE")
		case "Dir":
			inbound = strings.EqualFold(value, "In")
		}
	}
	return r, inbound && r.Name != ""
}

func (n netsh) Add(ctx context.Context, r FirewallRule) error {
	args := append([]string{"advfirewall", "firewall", "add", "rule"}, meant(r)...)
	return n.do(ctx, "add", r, append(args, "action=allow", "protocol=TCP", "profile=any", "enable="+yesNo(r.Enabled),
		"description=Lets clients reach what the service serves."))
}

func (n netsh) SetEnabled(ctx context.Context, r FirewallRule, enabled bool) error {
	args := append([]string{"advfirewall", "firewall", "set", "rule"}, meant(r)...)
	return n.do(ctx, "change", r, append(args, "new", "enable="+yesNo(enabled)))
}

func (n netsh) Remove(ctx context.Context, r FirewallRule) error {
	return n.do(ctx, "remove", r, append([]string{"advfirewall", "firewall", "delete", "rule"}, meant(r)...))
}

// meant are the arguments that tell r from every other rule.
func meant(r FirewallRule) []string {
	return []string{"name=" + r.Name, "dir=in", "program=" + r.Program}
}

func (n netsh) do(ctx context.Context, what string, r FirewallRule, args []string) error {
	if r.Name == "" || r.Program == "" || strings.EqualFold(r.Name, "all") {
		return fmt.Errorf("firewall rule %q of program %q: it needs a name of its own and a program", r.Name, r.Program)
	}
	if err := n.run(ctx, args...); err != nil {
		return fmt.Errorf("firewall rule %s of %s: %s: %w", r.Name, r.Program, what, err)
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
