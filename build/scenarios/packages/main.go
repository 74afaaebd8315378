// Command packages makes the packages that the scenarios install, into one folder:
//
//	go run ./build/scenarios/packages -out build/out/packages
//
//	1.0.0, 1.1.0            Holdfast
//	test-1.0.0, test-1.1.0  Holdfast that fails where HF_FAILAT says
//	signed-1.0.0            the first, signed
//	fleet                   a transform for it
//	shop-2.0.0, shop-2.1.0  a program that nobody here wrote, packed; the second with other files
//	depot-1.0.0             another one of the same
//
// each as the only .msi of a folder of that name, caddy.exe, the program itself, and installer.exe, the
// tool that made them, for this system. Nothing is made again while the sources are the same. With
// -take the packages get second names in another folder, where no later run replaces them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"holdfast/build/wine"
)

func main() {
	out := flag.String("out", filepath.Join("build", "out", "packages"), "where to put the packages")
	take := flag.String("take", "", "a folder that does not exist, to take them to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, *take, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

// run makes the packages in out from the sources in the working folder, and takes them along.
func run(ctx context.Context, out, take string, say io.Writer) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	free, err := lock(filepath.Join(out, "lock"))
	if err != nil {
		return err
	}
	defer free()
	if err := update(ctx, out, say); err != nil || take == "" {
		return err
	}
	return takeAlong(out, take)
}

// update makes the packages anew when the sources have changed.
func update(ctx context.Context, out string, say io.Writer) error {
	m := maker{out: out, say: say, installer: filepath.Join(out, "installer.exe")} // the suffix is needed on Windows and harmless elsewhere
	caddy, err := wine.BuildCaddy(ctx, filepath.Join("build", "wine", "app"), filepath.Join("build", "out"))
	if err != nil {
		return err
	}
	sum, err := fingerprint(caddy, "go.mod", "go.sum", "cmd", "internal", "installer", "wix", "assets", "configs", filepath.Join("build", "scenarios", "packages"))
	if err != nil {
		return err
	}
	made := filepath.Join(out, "sources")
	if before, err := os.ReadFile(made); err == nil && string(before) == sum { //nolint:gosec // a file of ours
		return nil
	}
	if err := os.Remove(made); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := copyFile(caddy, filepath.Join(out, "caddy.exe")); err != nil {
		return err
	}
	if err := m.all(ctx); err != nil {
		return err
	}
	return os.WriteFile(made, []byte(sum), 0o600)
}

// maker makes packages in folders of out.
type maker struct {
	out, installer string
	say            io.Writer
}

func (m maker) all(ctx context.Context) error {
	if err := os.Remove(m.installer); err != nil && !os.IsNotExist(err) { // a second name of it stays what it is
		return err
	}
	if err := m.do(exec.CommandContext(ctx, "go", "build", "-o", m.installer, "./installer")); err != nil { //nolint:gosec // our own words
		return err
	}
	var products, others []func(context.Context) error
	for _, version := range []string{"1.0.0", "1.1.0"} {
		products = append(products,
			func(ctx context.Context) error { return m.product(ctx, version, version) },
			func(ctx context.Context) error { return m.product(ctx, "test-"+version, version, "--test") })
	}
	if err := together(ctx, products); err != nil {
		return err
	}
	others = append(others, m.signed, m.transform)
	for _, p := range packs() {
		others = append(others, func(ctx context.Context) error { return m.pack(ctx, p) })
	}
	return together(ctx, others)
}

// together does the work beside each other, as much as there are processors for.
func together(ctx context.Context, work []func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, f := range work {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}

// product makes Holdfast's own package.
func (m maker) product(ctx context.Context, folder, version string, more ...string) error {
	dir, err := m.folder(folder)
	if err != nil {
		return err
	}
	args := append([]string{"build", "--arch", "amd64", "--version", version, "--out", dir}, more...)
	return m.do(exec.CommandContext(ctx, m.installer, args...)) //nolint:gosec // our own words
}

// transform makes what a fleet gives Windows Installer beside the package.
func (m maker) transform(ctx context.Context) error {
	dir, err := m.folder("fleet")
	if err != nil {
		return err
	}
	file, err := onlyPackage(filepath.Join(m.out, "1.0.0"))
	if err != nil {
		return err
	}
	return m.do(exec.CommandContext(ctx, m.installer, "transform", file, "HF_PORT=8600", "HF_STARTTYPE=delayed", "--out", filepath.Join(dir, "fleet.mst"))) //nolint:gosec // our own words
}

// folder makes an empty folder.
func (m maker) folder(name string) (string, error) {
	dir := filepath.Join(m.out, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o750)
}

// do runs a command and tells how long it took, or what it said when it failed. All times in the
// packages are the same, so that equal sources give equal packages.
func (m maker) do(cmd *exec.Cmd) error {
	began := time.Now()
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, text)
	}
	_, _ = fmt.Fprintf(m.say, "%5.1f s  %s\n", time.Since(began).Seconds(), cmd)
	return nil
}
