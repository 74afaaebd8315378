package service

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// NewFirewall is this machine's firewall.
func NewFirewall() Firewall { return netsh{runNetsh, keptRules} }

// netshTimeout is for a machine under load; netsh takes a tenth of a second.
const netshTimeout = 30 * time.Second

func runNetsh(ctx context.Context, args ...string) error {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return fmt.Errorf("find the system folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, netshTimeout)
	defer cancel()
	if !firewallRuns(ctx) {
		return ErrNoFirewall
	}
	cmd := exec.CommandContext(ctx, filepath.Join(system, "netsh.exe"), args...) //nolint:gosec // the system's program, with arguments of our own
	cmd.Dir = system
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
	out, err := cmd.CombinedOutput()
	if err != nil {
		const enough = 300 // the first line says it; it is in the system's language and code page
		text := strings.Join(strings.Fields(strings.ToValidUTF8(string(out[:min(len(out), enough)]), "?")), " ")
		return fmt.Errorf("netsh: %w: %s", err, text)
	}
	return nil
}

// firewallRuns waits for the firewall's service when the machine has just started. Some organisations
// disable it.
func firewallRuns(ctx context.Context) bool {
	const name, pace = "mpssvc", 200 * time.Millisecond
	host := windowsHost{}
	have, installed, err := host.service(name)
	if err != nil || !installed || have.Start == startDisabled {
		return false
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		if st, err := host.status(name); err != nil || st.State == "running" {
			return err == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

func keptRules() ([]string, error) {
	const path = `SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, scmError(err)
	}
	defer key.Close() //nolint:errcheck // nothing can be done
	names, err := key.ReadValueNames(0)
	if err != nil {
		return nil, err
	}
	var rules []string
	for _, name := range names {
		if text, _, err := key.GetStringValue(name); err == nil { // one that is no text is no rule
			rules = append(rules, text)
		}
	}
	return rules, nil
}
