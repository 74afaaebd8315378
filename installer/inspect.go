package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"holdfast/installer/msi"
	"holdfast/installer/msi/ice"
)

func newVerifyCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a package against Windows Installer's rules and Holdfast's own",
		Long: `Checks the tables of a package: the rules of Microsoft's ICE 03, 06, 09, 18, 27, 38, 61, 63, 64, 68, 77
and 80 as far as they can be decided without Windows, and Holdfast's own (HF…), which keep an
installation silent, safe and reversible. Exit code 3 says that there are mistakes.`,
		Example: "  installer verify holdfast-1.2.3-x64.msi",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.verify(cmd.Context(), args[0]) },
	}
}

func (c *console) verify(ctx context.Context, file string) error {
	dir, err := os.MkdirTemp("", "holdfast-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                     //nolint:errcheck // a temporary folder
	db, err := msi.ExtractFiles(ctx, file, dir) // the files, too: rules compare with them
	if err != nil {
		return err
	}
	mistakes, warnings := 0, 0
	for _, f := range ice.Verify(db) {
		if f.Severity == ice.Error {
			mistakes++
		} else {
			warnings++
		}
		if _, err := fmt.Fprintln(c.out, f); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(c.out, "%s: %d tables, %d mistakes, %d warnings\n", file, len(db.Tables), mistakes, warnings); err != nil {
		return err
	}
	if mistakes > 0 {
		return &exitError{exitFindings, errors.New("")}
	}
	return nil
}

func newTablesCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "tables FILE [TABLE...]",
		Short: "Show the tables of a package",
		Long: `Shows the summary information and the tables of a package, or of a folder of IDT files as msidb,
msiinfo or real WiX export them; all tables, or those that are named.`,
		Example: `  installer tables holdfast-1.2.3-x64.msi CustomAction InstallExecuteSequence
  installer tables idt-folder`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := read(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return msi.Dump(c.out, db, args[1:]...)
		},
	}
}

func newDiffCommand(c *console) *cobra.Command {
	var o msi.DiffOptions
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two packages row by row",
		Long: `Compares two packages; either may be a folder of IDT files, such as real WiX' export of the same
sources. Exit code 3 says that they differ.`,
		Example: `  installer diff holdfast-1.2.2-x64.msi holdfast-1.2.3-x64.msi
  installer diff build/out/holdfast-1.2.3-x64.msi wix-export --ignore-codes --ignore-files --ignore-streams`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.diff(cmd.Context(), args[0], args[1], o) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.IgnoreCodes, "ignore-codes", false, "leave out what every build has of its own: product and package code, times, the maker")
	flags.BoolVar(&o.IgnoreFiles, "ignore-files", false, "leave out sizes, versions and hashes of files")
	flags.BoolVar(&o.IgnoreStreams, "ignore-streams", false, "leave out the content of streams")
	flags.BoolVar(&o.IgnoreDescriptions, "ignore-descriptions", false, "leave out the descriptions of _Validation")
	return cmd
}

func (c *console) diff(ctx context.Context, a, b string, o msi.DiffOptions) error {
	x, err := read(ctx, a)
	if err != nil {
		return err
	}
	y, err := read(ctx, b)
	if err != nil {
		return err
	}
	found := msi.Diff(x, y, o)
	for _, d := range found {
		if _, err := fmt.Fprintln(c.out, d); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(c.out, "no difference")
		return err
	}
	if _, err := fmt.Fprintf(c.out, "%d differences\n", len(found)); err != nil {
		return err
	}
	return &exitError{exitFindings, errors.New("")}
}

// read is a package, or a folder of IDT files.
func read(ctx context.Context, name string) (*msi.Database, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return msi.ReadFolder(name)
	}
	return msi.Read(ctx, name)
}
