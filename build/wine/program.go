package wine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildCaddy makes the program that nobody here wrote, caddy.exe, in the folder out. module is this
// package's module app. One that is newer than its module is kept: even to link it takes long.
func BuildCaddy(ctx context.Context, module, out string) (string, error) {
	file := filepath.Join(out, "caddy.exe")
	if built, err := os.Stat(file); err == nil {
		if sums, err := os.Stat(filepath.Join(module, "go.sum")); err == nil && sums.ModTime().Before(built.ModTime()) {
			return file, nil
		}
	}
	return file, Build(ctx, module, "github.com/caddyserver/caddy/v2/cmd/caddy", file)
}

// Build makes file for Windows from a package of a module. It appears whole or not at all: others
// may make it at the same time.
func Build(ctx context.Context, module, pkg, file string, flags ...string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is in it has been moved
	unfinished := filepath.Join(dir, filepath.Base(file))
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", unfinished}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...) //nolint:gosec // tests choose what they build
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return os.Rename(unfinished, file)
}
