// Command packages makes the packages that the scenarios install, into one folder:
//
//	go run ./build/scenarios/packages -out build/out/packages
//
//	1.0.0, 1.1.0            Holdfast
//	test-1.0.0, test-1.1.0  Holdfast that fails where HF_FAILAT says
//	signed-1.0.0            the first, signed
//	shop-2.0.0, shop-2.1.0  a program that nobody here wrote, packed; the second with other files
//	depot-1.0.0             another one of the same
//
// each as the only .msi of a folder of that name, and caddy.exe, the program itself. Nothing is made
// again while the sources are the same.
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
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"holdfast/build/wine"
)

// builds is how many packages are made at a time.
const builds = 2

func main() {
	out := flag.String("out", filepath.Join("build", "out", "packages"), "where to put the packages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, os.Stdout)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

// run makes the packages in out from the sources in the working folder.
func run(ctx context.Context, out string, say io.Writer) error {
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
	if err := m.do(exec.CommandContext(ctx, "go", "build", "-o", m.installer, "./installer")); err != nil { //nolint:gosec // our own words
		return err
	}
	group, building := errgroup.WithContext(ctx) // which ends with the group
	group.SetLimit(builds)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		group.Go(func() error { return m.product(building, version, version) })
		group.Go(func() error { return m.product(building, "test-"+version, version, "--test") })
	}
	for _, p := range []packed{
		{"Shop", "2.0.0", "{6C1FB8C0-2B5B-4C39-9E54-5B5A5A0C2D11}", firstConfig, map[string]string{"index.html": "shop 2.0.0\n", "old.html": "only in 2.0.0\n"}},
		{"Shop", "2.1.0", "{6C1FB8C0-2B5B-4C39-9E54-5B5A5A0C2D11}", nextConfig, map[string]string{"index.html": "shop 2.1.0\n", "new/more.html": "only in 2.1.0\n"}},
		{"Depot", "1.0.0", "{0C7E6A0D-4E7B-4B7C-8C5F-1E0B7D9B9E22}", firstConfig, map[string]string{"index.html": "depot 1.0.0\n"}},
	} {
		group.Go(func() error { return m.pack(building, p) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return m.signed(ctx)
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

// packed is a site that Caddy serves, as a product of its own.
type packed struct {
	name, version, upgradeCode string
	config                     string
	site                       map[string]string
}

// firstConfig is what somebody would write who reads the guide: nothing about ports or folders.
const firstConfig = `version: 1
apps:
  site:
    command: ['${install_dir}\app\caddy.exe', file-server, --root, '${install_dir}\app\site', --listen, "127.0.0.1:${port}"]
routes:
  site: {app: site}
`

// nextConfig comes with a later version.
const nextConfig = firstConfig + `  added: {match: {path_prefix: /added}, respond: {status: 200, body: "added in 2.1.0"}}
`

func (m maker) pack(ctx context.Context, p packed) error {
	dir, err := m.folder(fmt.Sprintf("%s-%s", strings.ToLower(p.name), p.version))
	if err != nil {
		return err
	}
	app := filepath.Join(dir, "app")
	for name, text := range p.site {
		file := filepath.Join(app, "site", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(m.out, "caddy.exe"), filepath.Join(app, "caddy.exe")); err != nil {
		return err
	}
	file := filepath.Join(dir, "holdfast.yaml")
	if err := os.WriteFile(file, []byte(p.config), 0o600); err != nil {
		return err
	}
	return m.do(exec.CommandContext(ctx, m.installer, "pack", app, "--config", file, "--name", p.name, "--manufacturer", "Acme", //nolint:gosec // our own words
		"--version", p.version, "--upgrade-code", p.upgradeCode, "--url", "https://example.com/"+strings.ToLower(p.name), "--out", dir))
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
