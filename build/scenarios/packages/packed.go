package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// packed is a site that Caddy serves, as a product of its own.
type packed struct {
	name, version, upgradeCode string
	holdfast                   string // the version that travels inside
	config                     string
	site                       map[string]string
}

// packs are the packed products. Their Holdfast is that of a finished package.
func packs() []packed {
	const shop, depot = "{6C1FB8C0-2B5B-4C39-9E54-5B5A5A0C2D11}", "{0C7E6A0D-4E7B-4B7C-8C5F-1E0B7D9B9E22}"
	return []packed{
		{"Shop", "2.0.0", shop, "1.0.0", firstConfig, map[string]string{"index.html": "shop 2.0.0\n", "old.html": "only in 2.0.0\n"}},
		{"Shop", "2.1.0", shop, "1.1.0", nextConfig, map[string]string{"index.html": "shop 2.1.0\n", "new/more.html": "only in 2.1.0\n"}},
		{"Depot", "1.0.0", depot, "1.0.0", firstConfig, map[string]string{"index.html": "depot 1.0.0\n"}},
		{"Depot", "1.1.0", depot, "1.0.0", deadConfig, map[string]string{"index.html": "depot 1.1.0\n"}},
	}
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

// deadConfig is that of a program that ends at once.
const deadConfig = `version: 1
apps:
  site: {command: ['${install_dir}\app\caddy.exe', no-such-command]}
routes:
  site: {app: site}
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
	from, err := onlyPackage(filepath.Join(m.out, p.holdfast))
	if err != nil {
		return err
	}
	return m.do(exec.CommandContext(ctx, m.installer, "pack", app, "--config", file, "--name", p.name, "--manufacturer", "Acme", //nolint:gosec // our own words
		"--version", p.version, "--upgrade-code", p.upgradeCode, "--from", from, "--url", "https://example.com/"+strings.ToLower(p.name), "--out", dir))
}
