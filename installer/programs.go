package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/assets"
	"holdfast/installer/resources"
)

// programs are the executables that a package carries.
type programs struct {
	holdfast, setup string
	version         string // what holdfast says of itself
}

// programOptions are what differs between the programs of two packages.
type programOptions struct {
	version string // Holdfast's
	icon    []byte
	test    bool
}

// buildPrograms compiles both for Windows into dir and gives them their version, icon and manifest.
func buildPrograms(ctx context.Context, s *steps, dir, goarch string, o programOptions) (programs, error) {
	root, err := moduleRoot()
	if err != nil {
		return programs{}, fmt.Errorf("%w: run it from there, or take the programs from a released package with --from FILE.msi", err)
	}
	p := programs{filepath.Join(dir, "holdfast.exe"), filepath.Join(dir, "setup.exe"), o.version}
	tags := ""
	if o.test {
		tags = "hftest"
	}
	for _, one := range []struct {
		exe, pkg, flags, tags, title string
	}{
		{p.holdfast, "./cmd/holdfast", "-s -w -X main.buildVersion=" + o.version, "", "Holdfast"},
		{p.setup, "./installer/setup", "-s -w -H windowsgui", tags, "Holdfast Setup"},
	} {
		s.begin("%s for windows/%s", filepath.Base(one.exe), goarch)
		if err := goBuild(ctx, root, goarch, one.exe, one.pkg, one.flags, one.tags); err != nil {
			return programs{}, err
		}
		if err := resources.Apply(one.exe, resources.Resources{
			Version: strings.TrimSuffix(o.version, "-dev"), Company: "The Holdfast Authors",
			Product: "Holdfast", Description: one.title, Copyright: "Holdfast: see its licence", Icon: either(o.icon, assets.Icon()),
		}); err != nil {
			return programs{}, err
		}
	}
	s.end()
	return p, nil
}

// goBuild makes one executable; the same sources give the same bytes wherever they lie.
func goBuild(ctx context.Context, root, goarch, exe, pkg, flags, tags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", flags, "-o", exe, pkg) //nolint:gosec // our own words
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=")
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("no go here: install Go (https://go.dev/dl/), or take the programs from a released package with --from FILE.msi")
	case err != nil:
		return fmt.Errorf("build %s: %w\n%s", pkg, err, bytes.TrimSpace(text.Bytes()))
	}
	return nil
}

// moduleRoot is the folder of Holdfast's own sources, from which the programs are built.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if data, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil { //nolint:gosec // a file of that name
			if name, _, _ := strings.Cut(string(data), "\n"); strings.TrimSpace(name) == "module holdfast" {
				return at, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not below Holdfast's sources", dir)
		}
	}
}

// sourceTime is when the sources are from: all times in a package. It is SOURCE_DATE_EPOCH
// (reproducible-builds.org/docs/source-date-epoch), or the time of the last commit, or a fixed one.
func sourceTime(ctx context.Context) (time.Time, error) {
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: write seconds since 1970", text)
		}
		return time.Unix(n, 0).UTC(), nil
	}
	if root, err := moduleRoot(); err == nil {
		cmd := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct")
		cmd.Dir = root
		if out, err := cmd.Output(); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64); err == nil {
				return time.Unix(n, 0).UTC(), nil
			}
		}
	}
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil
}
