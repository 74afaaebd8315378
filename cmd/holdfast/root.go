package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/service"
)

// The CLI's exit codes are those of the service: internal/service documents them.
const (
	exitOK          = service.ExitOK
	exitFailed      = service.ExitFailed
	exitUsage       = service.ExitUsage
	exitInvalid     = service.ExitConfig
	exitDenied      = service.ExitDenied
	exitUnreachable = service.ExitUnreachable
)

// exitError is an error with the exit code that tells it to a script.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// console is what a subcommand may touch of the world: the streams and the global flags.
type console struct {
	in       io.Reader
	out, err io.Writer

	output string // table, json or yaml
	name   string // decides every name of this installation
	data   string // replaces the data folder of the name
	config string // replaces the configuration file of the name

	unnamed error // why no name is known without the flag
}

// identity is who this Holdfast is on this machine.
func (c *console) identity() (service.Identity, error) {
	if c.name == "" && c.unnamed != nil {
		return service.Identity{}, &exitError{exitUsage, c.unnamed}
	}
	id, err := service.NewIdentity(c.name)
	if err != nil {
		return service.Identity{}, &exitError{exitUsage, err}
	}
	if c.data != "" {
		id = id.WithDataDir(c.data)
	}
	if c.config != "" {
		id = id.WithConfigFile(c.config)
	}
	return id, nil
}

// run is the whole program: it returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if code, done := hidden(args, stderr); done {
		return code
	}
	return runIn(executableFolder(), args, stdin, stdout, stderr)
}

// runIn is run for an executable in folder.
func runIn(folder string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &console{in: stdin, out: stdout, err: stderr}
	c.name, c.unnamed = defaultName(os.Getenv, folder)
	root := newRootCommand(c)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	code := exitFailed
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	}
	if err.Error() != "" {
		_, _ = fmt.Fprintf(stderr, "holdfast: %v\n", err)
	}
	return code
}

func newRootCommand(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "holdfast",
		Short: "Host any HTTP program: supervised, routed, observed",
		Long: `Holdfast keeps HTTP programs alive and fronts them as a gateway. It runs in a console, under
systemd or as a Windows service, and is driven by this CLI and an HTTP API.

Begin with:
  holdfast demo                  see it work, with nothing to install
  holdfast check holdfast.yaml   check a configuration
  holdfast run                   run it in this console`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&c.output, "output", "o", "table", "output form: table, json or yaml")
	flags.StringVar(&c.name, "name", c.name, "name of this installation: it decides the service, folders, registry key and pipe or socket (env HOLDFAST_NAME, else the file holdfast.name beside the program)")
	flags.StringVar(&c.data, "data", os.Getenv("HOLDFAST_DATA"), "data folder instead of the name's own (env HOLDFAST_DATA)")
	flags.StringVar(&c.config, "config", os.Getenv("HOLDFAST_CONFIG"), "configuration file instead of the name's own (env HOLDFAST_CONFIG)")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions( // fails only for an unknown flag
		[]cobra.Completion{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{exitUsage, fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())}
	})
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch c.output {
		case "table", "json", "yaml":
			return nil
		default:
			return &exitError{exitUsage, fmt.Errorf("-o %s: write table, json or yaml", c.output)}
		}
	}
	root.AddCommand(commands(c)...)
	usageErrors(root)
	return root
}

// noSuchCommand is what a command of commands says of a word that is none.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "holdfast "))
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// usageErrors makes wrong arguments of cmd, and of every command below it, a usage error that shows
// how it is called.
func usageErrors(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			err := args(cmd, given)
			switch {
			case err == nil:
				return nil
			case cmd.HasAvailableSubCommands():
				return &exitError{exitUsage, fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())}
			default:
				return &exitError{exitUsage, fmt.Errorf("%w\nusage: %s", err, cmd.UseLine())}
			}
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}
