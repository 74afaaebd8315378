package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/demo"
	"holdfast/internal/port"
	"holdfast/internal/service"
)

// demoReadyTimeout is how long the first good answer may take before the demo stops waiting to
// print what to try.
const demoReadyTimeout = time.Minute

// Windows' own numbers for two errors that package syscall maps on other systems only
// (learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2).
const (
	errWSAAccess    = syscall.Errno(10013)
	errWSAAddrInUse = syscall.Errno(10048)
)

// demoFlags are the flags of holdfast demo.
type demoFlags struct {
	port, managementPort int
}

// runner runs Holdfast as an identity until ctx ends.
type runner func(ctx context.Context, id service.Identity) error

func newDemoCommand(c *console) *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: two instances of a small web program behind the gateway",
		Long: `Runs Holdfast in this console with a configuration of its own: two instances of a built-in web
program that crashes, hangs, slows down or leaks when you ask it to, and a static site. It needs
nothing installed, touches nothing outside a temporary folder, listens on loopback only and cleans
up on Ctrl-C. --data and --config are not used.`,
		Example: `  holdfast demo
  holdfast demo --port 9000
  holdfast demo --port 0 --management-port 0   pick free ports`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.demo(cmd.Context(), flags, func(ctx context.Context, id service.Identity) error {
				// The demo is nobody's installation: neither Group Policy nor setup has a say in it.
				return c.runService(ctx, id, config.Options{File: id.ConfigFile(), Environ: os.Environ()})
			})
		},
	}
	cmd.Flags().IntVar(&flags.port, "port", 8080, "loopback port of the gateway; 0 picks a free one")
	cmd.Flags().IntVar(&flags.managementPort, "management-port", 9180, "loopback port of the management API; 0 picks a free one")
	return cmd
}

// demo runs the demo until it is stopped, and removes everything it made.
func (c *console) demo(ctx context.Context, flags demoFlags, run runner) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("demo: find this program's own file: %w", err)
	}
	gateway, management, err := demoAddresses(ctx, flags)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return fmt.Errorf("demo: make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	id, err := service.NewIdentity(c.name)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	id = id.WithDataDir(dir)
	if err := writeDemo(id, exe, gateway, management); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(c.out, "Holdfast demo: starting two instances ...")

	ready, cancel := context.WithTimeout(ctx, demoReadyTimeout)
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		if demoAnswers(ready, "http://"+gateway+"/healthz") {
			_, _ = io.WriteString(c.out, demoText(demoCommand(exe), dir, gateway, management))
		}
	}()
	err = run(ctx, id)
	cancel()
	<-announced
	return err
}

// writeDemo writes the configuration and the static site into the data folder.
func writeDemo(id service.Identity, exe, gateway, management string) error {
	if err := demo.WriteSite(filepath.Join(id.DataDir(), "site")); err != nil {
		return err
	}
	if err := os.WriteFile(id.ConfigFile(), []byte(demoConfig(exe, gateway, management)), 0o600); err != nil {
		return fmt.Errorf("demo: write its configuration: %w", err)
	}
	return nil
}

// demoConfig is what a person would write: it is shown to them, and they may edit it.
func demoConfig(exe, gateway, management string) string {
	return `# The demo's configuration. Edit and save it: it is reloaded at once.
version: 1
management: {address: ` + management + `}
listeners:
  web: {address: ` + gateway + `}
logging: {format: console}
apps:
  demo:
    command: [` + yamlQuote(exe) + `, demo-app]
    env: {HOLDFAST_DEMO_INSTANCE: "${instance}"}
    instances: 2
    liveness_probe: {http_get: {path: /healthz}, period: 2s, timeout: 1s, failure_threshold: 2}
    readiness_probe: {tcp_socket: {}, period: 1s, timeout: 1s, failure_threshold: 1}
    stop: {grace: 5s}
routes:
  demo:
    app: demo
  site:
    match: {path_prefix: /site}
    strip_prefix: /site
    file_server: {root: site}
`
}

// yamlQuote is s as a single-quoted YAML scalar, in which a backslash is only that; a placeholder's
// beginning is escaped.
func yamlQuote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "${", "$${"), "'", "''") + "'"
}

// demoText tells what runs and what to try next.
func demoText(command, dir, gateway, management string) string {
	return strings.NewReplacer("{web}", "http://"+gateway, "{api}", "http://"+management, "{hf}", command+" --data "+dir, "{dir}", dir, "{/}", string(filepath.Separator)).Replace(`
Holdfast demo is running: two instances of a small web program behind one gateway.

  Open    {web}/          the demo program: reload, and the instances take turns
          {web}/site/     a static site that the gateway serves by itself
          {api}/metrics   management API; also /readyz and /api/v1/apps

  Break   curl -X POST {web}/crash         one exits with code 3 and is back at once
          curl -X POST {web}/hang          one hangs; its liveness probe restarts it
          curl -X POST {web}/fork          one leaves a grandchild; it goes with its instance
          curl -X POST "{web}/spew?mb=100" 100 MB into a log; nothing else slows down

  Watch   {hf} status
          {hf} logs demo -f
          {hf} events -f

  Edit    {dir}{/}holdfast.yaml   saved changes are live at once

Ctrl-C stops everything and removes the folder.

`)
}

// demoCommand is how a person calls this program again.
func demoCommand(exe string) string {
	if strings.Contains(exe, "go-build") { // go run removes its binary when it ends, and hides it
		return "go run ./cmd/holdfast"
	}
	if strings.ContainsAny(exe, " \t") {
		return `"` + exe + `"`
	}
	return exe
}

// demoAnswers waits for the first good answer of url; false when ctx ends before.
func demoAnswers(ctx context.Context, url string) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil); err == nil {
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return true
				}
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// demoAddresses finds out now whether both ports can be had, so that the answer to a taken one is
// a sentence and not a log. Both are held until both are known: two zeros never meet.
func demoAddresses(ctx context.Context, flags demoFlags) (gateway, management string, err error) {
	about := port.New()
	first, err := demoPort(ctx, about, "--port", flags.port)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = first.Close() }()
	second, err := demoPort(ctx, about, "--management-port", flags.managementPort)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = second.Close() }()
	return first.Addr().String(), second.Addr().String(), nil
}

func demoPort(ctx context.Context, about *port.Machine, flag string, port int) (net.Listener, error) {
	if port < 0 || port > 65535 {
		return nil, &exitError{exitUsage, fmt.Errorf("%s %d: write a port from 1 to 65535, or 0 to pick a free one", flag, port)}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, errWSAAddrInUse):
		by := ""
		if holder := about.Holder(port); holder != "" {
			by = " by " + holder
		}
		return nil, &exitError{exitFailed, fmt.Errorf("port %d is taken%s: end that program, or choose another port: holdfast demo %s 0 picks a free one", port, by, flag)}
	case errors.Is(err, syscall.EACCES), errors.Is(err, errWSAAccess):
		if reason := about.Excluded(port); reason != "" {
			return nil, &exitError{exitDenied, fmt.Errorf("port %d: %s; holdfast demo %s 0 picks one that is free", port, reason, flag)}
		}
		return nil, &exitError{exitDenied, fmt.Errorf("port %d: this account may not listen there: holdfast demo %s 0 picks a port that it may", port, flag)}
	default:
		return nil, fmt.Errorf("port %d: %w", port, err)
	}
}
