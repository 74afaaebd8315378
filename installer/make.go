package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/assets"
	"holdfast/configs"
	"holdfast/installer/msi"
	"holdfast/installer/msi/ice"
	"holdfast/installer/policy"
	"holdfast/installer/product"
	"holdfast/installer/wxs"
	"holdfast/wix"
)

// application is what a package says it was made by.
const application = "Holdfast installer"

// maker makes packages: Holdfast's own and packed ones by the same steps.
type maker struct {
	steps *steps
	out   string    // the folder that gets the packages
	time  time.Time // all times in a package
	test  bool      // packages that fail on request
	sign  signing
	stage string // the folder for real WiX, instead of a package
}

// make writes the package with the programs and gives its path.
func (m *maker) make(ctx context.Context, p product.Package, programs programs) (string, error) {
	if err := p.Product.Check(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "holdfast-package-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	m.steps.begin("compile %s", p.FileName())
	db, err := m.compile(p, programs, dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(m.out, 0o755); err != nil { //nolint:gosec // packages are for everybody
		return "", err
	}
	// What stands in the folder under its name is finished, and so signed.
	file := filepath.Join(m.out, p.FileName())
	unfinished := filepath.Join(m.out, "."+p.FileName()+".unfinished")
	defer os.Remove(unfinished) //nolint:errcheck // gone when all went well
	if err := msi.Write(ctx, db, unfinished, func(step string) { m.steps.begin("%s", step) }); err != nil {
		return "", err
	}
	m.steps.begin("verify %s", p.FileName())
	finished, err := msi.ExtractFiles(ctx, unfinished, filepath.Join(dir, "written"))
	if err != nil {
		return "", err
	}
	if err := wrong(ice.Verify(finished)); err != nil {
		return "", err
	}
	if m.sign.wanted() {
		m.steps.begin("sign %s", p.FileName())
		if err := m.sign.file(ctx, unfinished); err != nil {
			return "", err
		}
	}
	m.steps.end()
	return file, os.Rename(unfinished, file)
}

// compile makes the tables of the package from the sources and from the files that it puts into dir.
func (m *maker) compile(p product.Package, programs programs, dir string) (*msi.Database, error) {
	in, err := m.inputs(p, programs, dir)
	if err != nil {
		return nil, err
	}
	all, fragments := p.Sources(wix.Sources())
	sources, err := wxs.Load(all, append(wix.Names(), fragments...), []string{p.Culture + ".wxl"},
		wxs.Options{Defines: p.Defines(in), Arch: p.Arch, Culture: p.Culture})
	if err != nil {
		return nil, err
	}
	if p.Unicode {
		sources.Codepage = msi.UTF8
	}
	return msi.Compile(sources, msi.CompileOptions{Arch: p.Arch, Created: m.time, Application: application})
}

// inputs writes what the sources refer to into dir.
func (m *maker) inputs(p product.Package, programs programs, dir string) (product.Inputs, error) {
	var templates bytes.Buffer
	if err := policy.WriteZip(&templates, p.Product.Name); err != nil {
		return product.Inputs{}, err
	}
	in := product.Inputs{
		HoldfastExe: programs.holdfast, SetupExe: programs.setup, HoldfastVersion: programs.version, Test: m.test,
	}
	var errs []error
	for _, f := range []struct {
		path *string
		name string
		data []byte
	}{
		{&in.Template, "holdfast.template.yaml", either(p.Seed, configs.Default())},
		{&in.Licence, "licence.rtf", either(p.Licence, assets.Licence())},
		{&in.PolicyZip, "policy.zip", templates.Bytes()},
		{&in.NameFile, "holdfast.name", p.NameFile()},
		{&in.Icon, "icon.ico", either(p.Icon, assets.Icon())},
		{&in.Banner, "banner.bmp", assets.Banner()},
		{&in.Background, "background.bmp", assets.Background()},
	} {
		*f.path = filepath.Join(dir, f.name)
		errs = append(errs, os.WriteFile(*f.path, f.data, 0o600))
	}
	return in, errors.Join(errs...)
}

func either(data, fallback []byte) []byte {
	if data != nil {
		return data
	}
	return fallback
}

// wrong is an error when findings are mistakes: a package that breaks its own rules is not kept.
func wrong(findings []ice.Finding) error {
	var errs []error
	for _, f := range findings {
		if f.Severity == ice.Error {
			errs = append(errs, errors.New(f.String()))
		}
	}
	return errors.Join(errs...)
}

// written tells about a package: its path, size and time.
func (m *maker) written(file string, began time.Time) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.steps.out, "%s  %.1f MB in %.1f s\n", file, float64(info.Size())/1e6, time.Since(began).Seconds())
	return err
}

// outFolder is where packages go when nothing is said.
func outFolder(given string) string {
	if root, err := moduleRoot(); err == nil {
		return cmp.Or(given, filepath.Join(root, "build", "out"))
	}
	return cmp.Or(given, ".")
}
