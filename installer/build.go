package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"holdfast/installer/msi"
	"holdfast/installer/product"
	"holdfast/installer/sign"
	"holdfast/wix"
)

// defaultVersion is that of a build from the sources that names none.
const defaultVersion = "0.0.0-dev"

func newBuildCommand(c *console) *cobra.Command {
	var archs, cultures []string
	var version, out, stage string
	var test bool
	var sign signing
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Make Holdfast's own package",
		Long: `Compiles holdfast.exe and setup.exe for Windows, the WiX sources of wix/ into tables, and writes the
package. The same sources, version and compiler give the same bytes. What real WiX would refuse is
refused, with its place, and so is a package that breaks a rule of ` + "`installer verify`" + `.

It needs Go, msibuild (msitools) and gcab, and neither WiX nor Windows.`,
		Example: `  installer build --version 1.2.3                      x64 and arm64 into build/out
  installer build --arch amd64 --culture zh-CN         with Chinese dialogs
  installer build --version 1.2.3 --sign-pfx code.pfx --sign-password-env CODE_PASSWORD`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := c.maker(cmd.Context(), out, test, sign)
			if err != nil {
				return err
			}
			if m.stage = stage; stage != "" && (len(archs) != 1 || len(cultures) != 1) {
				return &exitError{exitUsage, errors.New("--stage is for one architecture and one culture: add --arch")}
			}
			return m.build(cmd.Context(), version, archs, cultures)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&archs, "arch", []string{"amd64", "arm64"}, "architectures: amd64, arm64")
	flags.StringSliceVar(&cultures, "culture", []string{"en-US"}, "languages of the dialogs, one package each: en-US, zh-CN")
	flags.StringVar(&version, "version", defaultVersion, "three numbers, such as 1.2.3")
	flags.StringVar(&out, "out", "", "folder for the packages (default build/out)")
	flags.StringVar(&stage, "stage", "", "write no package, but what real WiX needs to make it (wix/holdfast.wixproj) into this folder")
	flags.BoolVar(&test, "test", false, "packages for tests, which fail after the action that HF_FAILAT names")
	sign.flags(flags)
	return cmd
}

func (c *console) maker(ctx context.Context, out string, test bool, sign signing) (*maker, error) {
	if err := sign.check(); err != nil {
		return nil, err
	}
	at, err := sourceTime(ctx)
	if err != nil {
		return nil, err
	}
	return &maker{steps: &steps{out: c.out}, out: outFolder(out), time: at, test: test, sign: sign}, nil
}

// build makes one package per architecture and culture.
func (m *maker) build(ctx context.Context, version string, archs, cultures []string) error {
	p := product.Holdfast(version)
	if err := p.Check(); err != nil {
		return &exitError{exitUsage, err}
	}
	for _, goarch := range archs {
		arch, err := product.ArchOf(goarch)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		if err := m.buildArch(ctx, product.Package{Product: p, Arch: arch}, version, cultures); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) buildArch(ctx context.Context, p product.Package, version string, cultures []string) error {
	began := time.Now()
	if m.stage != "" {
		p.Culture = cultures[0]
		return m.stagePackage(ctx, p, version)
	}
	if err := msi.CheckTools(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "holdfast-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	programs, err := m.programs(ctx, dir, p.GOARCH(), programOptions{version: version, test: m.test})
	if err != nil {
		return err
	}
	for _, culture := range cultures {
		if culture != "en-US" && culture != "zh-CN" {
			return &exitError{exitUsage, fmt.Errorf("culture %q: the dialogs speak en-US or zh-CN", culture)}
		}
		p.Culture = culture
		file, err := m.make(ctx, p, programs)
		if err != nil {
			return err
		}
		if err := m.written(file, began); err != nil {
			return err
		}
	}
	return nil
}

// programs builds the executables and signs them, since a signed package with unsigned programs
// proves little.
func (m *maker) programs(ctx context.Context, dir, goarch string, o programOptions) (programs, error) {
	p, err := buildPrograms(ctx, m.steps, dir, goarch, o)
	if err != nil {
		return programs{}, err
	}
	return p, m.signPrograms(ctx, p)
}

// signPrograms signs those that nobody has signed: the signature of a released package stays.
func (m *maker) signPrograms(ctx context.Context, p programs) error {
	if !m.sign.wanted() {
		return nil
	}
	defer m.steps.end()
	for _, one := range []struct{ name, exe string }{{"holdfast.exe", p.holdfast}, {"setup.exe", p.setup}} {
		signed, err := sign.Signed(one.exe)
		if err != nil {
			return err
		}
		if signed {
			continue
		}
		m.steps.begin("sign %s", one.name)
		if err := m.sign.file(ctx, one.exe); err != nil {
			return err
		}
	}
	return nil
}

// stagePackage puts everything that the sources refer to, and the values of their variables, where
// the project of real WiX looks for them.
func (m *maker) stagePackage(ctx context.Context, p product.Package, version string) error {
	dir, err := filepath.Abs(m.stage)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as public as packages are
		return err
	}
	programs, err := m.programs(ctx, dir, p.GOARCH(), programOptions{version: version, test: m.test})
	if err != nil {
		return err
	}
	in, err := m.inputs(p, programs, dir)
	if err != nil {
		return err
	}
	values, err := wix.Properties(p.Defines(in))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.props"), values, 0o644); err != nil { //nolint:gosec // as above
		return err
	}
	_, err = fmt.Fprintf(m.steps.out, "staged %s %s for %s in %s\n", p.Product.Title(), p.Product.Version, p.Arch, dir)
	return err
}
