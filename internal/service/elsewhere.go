//go:build !linux && !windows

package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Holdfast runs on Windows and Linux. Its installer's tools also run elsewhere, and need names and
// their rules of this package; nothing here is a service on such a system.

func systemPlaces(name string) (places, error) { return machinePlaces(name), nil }

func machinePlaces(name string) places {
	dir := filepath.Join(os.TempDir(), strings.ToLower(name))
	return places{data: dir, config: filepath.Join(dir, configName), logs: filepath.Join(dir, "logs"), endpoint: filepath.Join(dir, "holdfast.sock")}
}

func privateEndpoint(_, dir string) string { return filepath.Join(dir, "holdfast.sock") }

func host(ctx context.Context, o Options) ending {
	return hostConsole(ctx, o, &console{name: o.Identity.Name, out: o.Console})
}

func listened() []os.Signal { return []os.Signal{os.Interrupt} }

func isHangup(os.Signal) bool { return false }

func hasTerminal() bool { return true }

func newRegistrar() registrar { return noRegistrar{} }

// noRegistrar is the service manager of a system that Holdfast is no service of.
type noRegistrar struct{}

func (noRegistrar) err() error {
	return fmt.Errorf("%w: Holdfast is a service on Windows and Linux, not on %s", ErrNoManager, runtime.GOOS)
}

func (n noRegistrar) install(context.Context, Identity, Registration) (Plan, error) {
	return Plan{}, n.err()
}

func (n noRegistrar) uninstall(context.Context, Identity) (Plan, error) { return Plan{}, n.err() }

func (n noRegistrar) act(context.Context, Identity, Action) (Plan, error) { return Plan{}, n.err() }

func (n noRegistrar) query(context.Context, Identity) (Status, error) { return Status{}, n.err() }
