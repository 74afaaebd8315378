package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/installer/msi"
	"holdfast/installer/pack"
)

// packing are the options of pack that are not the product's.
type packing struct {
	out, from string
	test      bool
	sign      signing
}

func newPackCommand(c *console) *cobra.Command {
	var o pack.Options
	var p packing
	cmd := &cobra.Command{
		Use:   "pack FOLDER",
		Short: "Make one MSI of your own HTTP program",
		Long: `Packs the folder of your program and its configuration into one MSI. Holdfast travels inside under
your product's name: service, folders, registry, pipe, list of programs and icon are yours, and two
packed products and Holdfast itself live side by side.

The package installs silently, starts your program and takes everything back when the service does
not become ready; it upgrades in place, repairs itself, and keeps configuration and data when it is
removed. All properties of wix/README.md hold for it. The guide is installer/README.md.

The configuration says what runs. Its paths are those of the machine: ${install_dir}\app is where
your folder will be. It is checked as ` + "`holdfast check`" + ` does.

Needs msibuild (msitools) and gcab; neither WiX nor Windows.`,
		Example: `  installer pack ./shop --config holdfast.yaml --name Shop --manufacturer Acme --version 2.1.0 \
      --upgrade-code "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}"
  installer pack ./shop … --from holdfast-1.2.3-x64.msi    with the programs of a released package`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir = args[0]
			return c.pack(cmd.Context(), o, p)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Config, "config", "", "the holdfast.yaml that setup writes when the machine has none")
	flags.StringVar(&o.Name, "name", "", "the service, the folders and the registry key: letters, digits, . _ -")
	flags.StringVar(&o.Display, "display", "", "what people read in the list of programs (default: --name)")
	flags.StringVar(&o.Manufacturer, "manufacturer", "", "who makes the product")
	flags.StringVar(&o.Version, "version", "", "three numbers, such as 2.1.0")
	flags.StringVar(&o.UpgradeCode, "upgrade-code", "", "the GUID by which Windows knows all versions of your product; without it, pack prints a fresh one")
	flags.StringVar(&o.HelpURL, "url", "", "the product's link in the list of programs")
	flags.StringVar(&o.Icon, "icon", "", "an .ico file")
	flags.StringVar(&o.Licence, "licence", "", "an .rtf file, shown and installed")
	flags.StringVar(&o.Arch, "arch", "amd64", "architecture: amd64 or arm64")
	flags.StringVar(&o.Culture, "culture", "en-US", "language of the dialogs: en-US or zh-CN")
	flags.StringArrayVar(&o.Exclude, "exclude", nil, "leave out what matches, such as '*.log' or 'tests/'; may be given again")
	flags.StringArrayVar(&o.Allow, "allow", nil, "pack what looks like a secret but is none; may be given again")
	flags.StringVar(&p.out, "out", "", "folder for the package (default: here)")
	flags.StringVar(&p.from, "from", "", "take Holdfast's programs from this package instead of building them")
	flags.BoolVar(&p.test, "test", false, "a package for tests, which fails after the action that HF_FAILAT names")
	p.sign.flags(flags)
	return cmd
}

// oneFolder wants the argument of pack.
func oneFolder(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("the folder of your program is missing")
	case 1:
		return nil
	default:
		return fmt.Errorf("%q: there is a folder already, %q; put a path with spaces into quotes", args[1], args[0])
	}
}

func (c *console) pack(ctx context.Context, o pack.Options, p packing) error {
	if p.out == "" {
		p.out = "."
	}
	m, err := c.maker(ctx, p.out, p.test, p.sign)
	if err != nil {
		return err
	}
	plan, err := pack.New(o)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if err := msi.CheckTools(); err != nil {
		return err
	}
	if err := plan.Begin(c.out); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "holdfast-programs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	var programs programs
	if p.from != "" {
		programs, err = m.programsFrom(ctx, dir, p.from, plan.Package.Arch)
		if err == nil {
			err = m.signPrograms(ctx, programs)
		}
	} else {
		programs, err = m.programs(ctx, dir, plan.Package.GOARCH(), programOptions{version: defaultVersion, icon: plan.Package.Icon, test: m.test})
	}
	if err != nil {
		return err
	}
	file, err := m.make(ctx, plan.Package, programs)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return plan.End(c.out, file, info.Size())
}

// programsFrom takes the executables out of a package of Holdfast, or of a packed product.
func (m *maker) programsFrom(ctx context.Context, dir, file, arch string) (programs, error) {
	m.steps.begin("programs of %s", filepath.Base(file))
	defer m.steps.end()
	db, err := msi.ExtractFiles(ctx, file, dir)
	if err != nil {
		return programs{}, err
	}
	bad := func(why string) (programs, error) {
		return programs{}, fmt.Errorf("--from %s: %s; name a package of Holdfast", file, why)
	}
	if have, _, _ := strings.Cut(db.Summary.Template, ";"); !strings.EqualFold(have, arch) {
		return programs{}, fmt.Errorf("--from %s: it is for %s; name one for %s", file, have, arch)
	}
	p := programs{version: db.Property("HfVersion")}
	if p.version == "" {
		return bad("it does not say which Holdfast it holds")
	}
	for _, c := range db.Cabinets {
		for _, f := range c.Files {
			if f.Key == "HoldfastExe" {
				p.holdfast = f.Source
			}
		}
	}
	setup, ok := binary(db, "HfSetup")
	if !ok || p.holdfast == "" {
		return bad("it has no holdfast.exe or no setup program")
	}
	p.setup = filepath.Join(dir, "setup.exe")
	return p, save(ctx, setup, p.setup)
}

// binary is the data of a row of the Binary table.
func binary(db *msi.Database, name string) (msi.Data, bool) {
	t := db.Table("Binary")
	row := t.Find(name)
	if row == nil {
		return "", false
	}
	data, ok := row[t.Index("Data")].(msi.Data)
	return data, ok
}

// save writes a stream into a file.
func save(ctx context.Context, from msi.Data, to string) error {
	r, err := from.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()         //nolint:errcheck // only read
	f, err := os.Create(to) //nolint:gosec // a folder of our own
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
