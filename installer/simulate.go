package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/installer/msi/simulate"
)

func newSimulateCommand(c *console) *cobra.Command {
	var scenario, installed, with, failAt string
	var ui bool
	cmd := &cobra.Command{
		Use:   "simulate FILE [PROPERTY=VALUE...]",
		Short: "Explain which actions would run, in what order, and why; nothing is installed",
		Long: `Walks the sequences of a package as Windows Installer does and tells each action with the condition
that decided and the values it saw, the command lines of the setup program, the rollback, and where
the value of each property came from. What is not modelled is said to be so.

Scenarios: install, upgrade (an older version is installed), downgrade (a newer one), repair,
reconfigure (the package again, with other properties), uninstall, rollback (an installation that
fails, at the end or after the action that --fail-at names).`,
		Example: `  installer simulate holdfast-1.2.3-x64.msi --scenario install HF_PORT=8443
  installer simulate holdfast-1.2.3-x64.msi --scenario upgrade --installed 1.1.0 --installed-with HF_PORT=80
  installer simulate holdfast-1.2.3-x64.msi --scenario rollback --fail-at HfStart`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := simulate.Options{Scenario: simulate.Scenario(scenario), FailAt: failAt, UILevel: simulate.None}
			if ui {
				o.UILevel = simulate.Full
			}
			var err error
			if o.Properties, err = assignments(args[1:]); err != nil {
				return err
			}
			if installed != "" || with != "" {
				o.Installed = &simulate.Installed{Version: installed}
				if o.Installed.Properties, err = assignments(strings.Fields(with)); err != nil {
					return err
				}
			}
			return c.simulate(cmd.Context(), args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&scenario, "scenario", "install", "install, upgrade, downgrade, repair, reconfigure, uninstall or rollback")
	flags.StringVar(&installed, "installed", "", "the version that is installed before")
	flags.StringVar(&with, "installed-with", "", `the properties it was installed with: "HF_PORT=80 HF_STARTTYPE=manual"`)
	flags.StringVar(&failAt, "fail-at", "", "the action that fails after its work")
	flags.BoolVar(&ui, "ui", false, "with dialogs: the user interface sequence runs first")
	return cmd
}

// assignments reads PROPERTY=VALUE words.
func assignments(words []string) (map[string]string, error) {
	all := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, &exitError{exitUsage, fmt.Errorf("%q is no property: write NAME=VALUE", word)}
		}
		all[name] = value
	}
	return all, nil
}

func (c *console) simulate(ctx context.Context, file string, o simulate.Options) error {
	db, err := read(ctx, file)
	if err != nil {
		return err
	}
	trace, err := simulate.Run(db, o)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return trace.Write(c.out)
}
