package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes of this tool.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitFindings = 3 // verify found mistakes, diff found differences
)

// exitError is an error with its exit code; an empty text says that everything has been told.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// console is what a command may touch of the world.
type console struct {
	out, err io.Writer
}

// run is the whole program: it returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = visible{stdout}, visible{stderr}
	c := &console{stdout, stderr}
	root := newRootCommand(c)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if err.Error() != "" {
		_, _ = fmt.Fprintf(stderr, "installer: %v\n", err)
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}

func newRootCommand(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "installer",
		Short: "Make, check and explain Windows Installer packages of Holdfast and of your own program",
		Long: `Makes the Windows Installer package of Holdfast from the WiX sources in wix/, on any system and
without WiX, and packs your own HTTP program the same way: one MSI that installs it as a service
behind Holdfast's gateway.

Begin with:
  installer build --arch amd64                  Holdfast's own package
  installer pack ./shop --help                  your program as a package
  installer verify holdfast-1.2.3-x64.msi       check a package
  installer simulate FILE --scenario install    which actions run, in what order, and why`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{exitUsage, fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(commands(c)...)
	usageErrors(root)
	return root
}

// usageErrors makes wrong arguments of cmd, and of every command below it, a usage error.
func usageErrors(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			if err := args(cmd, given); err != nil {
				return &exitError{exitUsage, fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// steps tells how long work goes on: one line a step, with its time when it is done.
type steps struct {
	out   io.Writer
	began time.Time
	name  string
}

// begin ends the step before and names the next one.
func (s *steps) begin(format string, args ...any) {
	s.end()
	s.name, s.began = fmt.Sprintf(format, args...), time.Now()
}

// end tells the current step.
func (s *steps) end() {
	if s.name == "" {
		return
	}
	dots := strings.Repeat(".", max(3, 52-len(s.name)))
	_, _ = fmt.Fprintf(s.out, "  %s %s %5.1f s\n", s.name, dots, time.Since(s.began).Seconds())
	s.name = ""
}
