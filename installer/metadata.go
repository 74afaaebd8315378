package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/installer/metadata"
	"holdfast/installer/policy"
	"holdfast/installer/product"
)

func newMetadataCommand(c *console) *cobra.Command {
	var out string
	var o metadata.Options
	cmd := &cobra.Command{
		Use:   "metadata FILE...",
		Short: "Write what winget, Chocolatey, Intune and Configuration Manager want to know of packages",
		Long: `Reads finished packages - one version of one product, for several architectures and languages - and
writes a folder of metadata: winget manifests, a Chocolatey package, and the facts for Intune and
Configuration Manager. Sign the packages first: their hashes are in the metadata.`,
		Example: `  installer metadata build/out/holdfast-1.2.3-*.msi --url https://example.com/releases/1.2.3 --out metadata`,
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.metadata(cmd.Context(), args, out, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "metadata", "folder to write to")
	flags.StringVar(&o.URL, "url", "", "where the packages can be downloaded, without their names; winget and Chocolatey need it")
	flags.StringVar(&o.Identifier, "identifier", "", "winget identifier, such as Acme.Shop (default: of manufacturer and name)")
	flags.StringVar(&o.License, "license", "", "name of the product's licence (default: Proprietary, Holdfast's own Apache-2.0)")
	flags.StringVar(&o.Description, "description", "", "one sentence (default: the package's comment)")
	return cmd
}

func (c *console) metadata(ctx context.Context, files []string, out string, o metadata.Options) error {
	var packages []*metadata.Package
	for _, file := range files {
		p, err := metadata.Describe(ctx, file)
		if err != nil {
			return err
		}
		if p.UpgradeCode == product.HoldfastUpgradeCode {
			o.License = cmp.Or(o.License, "Apache-2.0")
		}
		packages = append(packages, p)
	}
	made, notes, err := metadata.All(packages, o)
	if err != nil {
		return err
	}
	for _, f := range made {
		if err := c.write(filepath.Join(out, filepath.FromSlash(f.Name)), f.Data); err != nil {
			return err
		}
	}
	for _, note := range notes {
		if _, err := fmt.Fprintf(c.out, "note: %s\n", note); err != nil {
			return err
		}
	}
	return nil
}

// write makes a file with its folders and tells of it.
func (c *console) write(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // metadata is for everybody
		return err
	}
	if err := os.WriteFile(file, data, 0o644); err != nil { //nolint:gosec // as above
		return err
	}
	_, err := fmt.Fprintln(c.out, file)
	return err
}

func newSBOMCommand(c *console) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "sbom FILE",
		Short: "Write the bill of materials (CycloneDX) of a package",
		Long: `Reads a finished package and lists what is in it: every file with its hash, and the Go modules of
every executable that names them.`,
		Example: "  installer sbom holdfast-1.2.3-x64.msi --out build/out",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := metadata.SBOM(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.write(filepath.Join(out, filepath.FromSlash(f.Name)), f.Data)
		},
	}
	cmd.Flags().StringVar(&out, "out", ".", "folder to write to")
	return cmd
}

func newPolicyCommand(c *console) *cobra.Command {
	var out, name string
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write the Group Policy templates (ADMX, ADML) of an installation",
		Long: `Writes the administrative templates for an installation's name, in English and Chinese. Packages carry
them as policy.zip; those of Holdfast itself are in configs/policy.`,
		Example: "  installer policy --name Shop --out PolicyDefinitions",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := policy.WriteFolder(out, name); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.out, "%s: copy what is in it to the central store\n", out)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "PolicyDefinitions", "folder to write to")
	cmd.Flags().StringVar(&name, "name", "Holdfast", "name of the installation: it decides the registry key")
	return cmd
}
