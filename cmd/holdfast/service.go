package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/configs"
	"holdfast/internal/service"
)

func newServiceCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Install, remove and drive the background service",
		Long: `Install, remove and drive Holdfast as a background service: under the service control manager on
Windows, under systemd on Linux. It needs administrator rights (sudo); the service itself does not.

Every command is safe to repeat: it looks at what is, changes what differs, and says what it changed.
With --dry-run it only says what it would do.

From nothing to a service that runs for good:
  holdfast check                    is the configuration good?
  holdfast service install          register it, with recovery and an account of few rights
  holdfast service start            run it
  holdfast service status           see how it is

Two side by side, each with its own folders, pipe or socket, and name:
  holdfast service install --name Shop
  holdfast service start --name Shop`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServiceInstallCommand(c), newServiceUninstallCommand(c), newServiceStatusCommand(c))
	for _, a := range serviceActions() {
		cmd.AddCommand(newServiceActionCommand(c, a))
	}
	return cmd
}

// serviceAction is one of the commands that only ask the service manager for something.
type serviceAction struct {
	action             service.Action
	short, long, usage string
}

func serviceActions() []serviceAction {
	return []serviceAction{
		{service.Start, "Start the service and wait until it serves", `Start the service and wait until it serves: its listeners are bound then. A start that fails is
reported with its exit code and what to do.`, "holdfast service start"},
		{service.Stop, "Stop the service and wait until it has ended", `Stop the service and wait until its process has ended. Requests are drained and apps stopped as the
configuration says; after 115 s the rest is cut short.`, "holdfast service stop"},
		{service.Restart, "Stop the service and start it again", `Stop the service, if it runs, and start it again. To read a changed configuration, reload does the
same without an interruption.`, "holdfast service restart"},
		{service.Pause, "Let the gateway answer 503 while apps keep running (Windows)", `Let the gateway answer 503 with Retry-After while the apps keep running, for work on what stands
behind them. systemd knows no pause: there the command says so and changes nothing.`, "holdfast service pause"},
		{service.Continue, "Undo pause (Windows)", `Let the gateway serve again after a pause.`, "holdfast service continue"},
		{service.Reload, "Let the service read its configuration again", `Let the service read its configuration again, as it does by itself when the file changes. A wrong one
is refused and the last good one stays; look with: holdfast check`, "holdfast service reload"},
	}
}

func newServiceActionCommand(c *console, a serviceAction) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: string(a.action), Short: a.short, Long: a.long, Args: cobra.NoArgs,
		Example: "  " + a.usage + "\n  " + a.usage + " --name Shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.carryOut(cmd.Context(), dryRun, "", func(ctx context.Context, m *service.Manager) (service.Plan, error) {
				return m.Plan(ctx, a.action)
			})
		},
	}
	dryRunFlag(cmd, &dryRun)
	return cmd
}

func newServiceInstallCommand(c *console) *cobra.Command {
	var dryRun bool
	var r service.Registration
	var start string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Register the service, or correct its registration",
		Long: `Register this binary as a service, or change what differs from the flags given. It does not start it.

On Windows the service restarts after a failure (5 s, 10 s, 30 s; counted anew after a day), owns an
event source in the Application log, and has a data folder that only SYSTEM, Administrators and the
service itself can change. On Linux it is a systemd unit with watchdog, reload and restart.

Nothing that belongs to another program is ever overwritten: a service, unit or event source of the
same name ends the command; choose another with --name.`,
		Example: `  holdfast service install --dry-run
  holdfast service install
  holdfast service install --account NetworkService --start delayed
  holdfast service install --account 'CORP\holdfast$'       a group managed service account
  sudo holdfast service install --account www-data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.Start = service.StartType(start)
			r.Config = configs.Default()
			return c.carryOut(cmd.Context(), dryRun, "holdfast service start", func(ctx context.Context, m *service.Manager) (service.Plan, error) {
				return m.PlanInstall(ctx, r)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Account, "account", "", `who the service runs as; Windows: LocalService (default), NetworkService, 'NT SERVICE\<name>' or DOMAIN\gmsa$; Linux: a user (default: one of its own, made when missing)`)
	flags.StringVar(&start, "start", string(service.StartAuto), "when it starts by itself: auto, delayed (Windows) or manual")
	flags.StringVar(&r.Description, "description", "", "what service managers show about it")
	dryRunFlag(cmd, &dryRun)
	return cmd
}

func newServiceUninstallCommand(c *console) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Stop and remove the service; data is kept",
		Long: `Stop the service, remove its registration and wait until it is really gone. Configuration, data and
logs are kept; the command says where.`,
		Example: "  holdfast service uninstall --dry-run\n  holdfast service uninstall",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.carryOut(cmd.Context(), dryRun, "", func(ctx context.Context, m *service.Manager) (service.Plan, error) {
				return m.PlanUninstall(ctx)
			})
		},
	}
	dryRunFlag(cmd, &dryRun)
	return cmd
}

func dryRunFlag(cmd *cobra.Command, dryRun *bool) {
	cmd.Flags().BoolVar(dryRun, "dry-run", false, "say what would be done and do nothing")
}

func newServiceStatusCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what the service manager knows about the service",
		Long: `Say what the service manager knows about the service and where its things are. It asks the service
manager, not the service: for the apps, see holdfast status.

The exit code is 0 while the service runs or is paused, and 5 when it does not run.`,
		Example: "  holdfast service status\n  holdfast service status -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := c.identity()
			if err != nil {
				return err
			}
			st, err := service.NewManager(id).Query(cmd.Context())
			if err != nil {
				return serviceError(err)
			}
			if err := c.show(st, func(w io.Writer) error { return writeServiceStatus(w, st) }); err != nil {
				return err
			}
			switch st.State {
			case "not_installed", "stopped", "failed":
				return &exitError{exitUnreachable, errors.New("")}
			default:
				return nil
			}
		},
	}
}

func writeServiceStatus(w io.Writer, st service.Status) error {
	var b strings.Builder
	row := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-8s %s\n", key, value)
		}
	}
	fmt.Fprintf(&b, "%s: %s\n", st.Name, strings.ReplaceAll(st.State, "_", " "))
	row("why", st.Detail)
	if st.PID > 0 {
		row("pid", strconv.Itoa(st.PID))
	}
	row("account", st.Account)
	row("start", string(st.Start))
	row("command", st.Command)
	row("config", st.ConfigFile)
	row("data", st.DataDir)
	row("logs", st.LogDir)
	row("endpoint", st.Endpoint)
	if !st.Installed {
		b.WriteString("Next: holdfast service install\n")
	} else if st.State == "stopped" || st.State == "failed" {
		b.WriteString("Next: holdfast service start\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// planned is what a command did, or would do, as -o json and yaml show it.
type planned struct {
	DryRun    bool     `json:"dry_run"`
	Steps     []string `json:"steps"`
	Unchanged []string `json:"unchanged"`
	Notes     []string `json:"notes"`
}

// carryOut makes a plan and carries it out, or only shows it. next is the command that comes after.
func (c *console) carryOut(ctx context.Context, dryRun bool, next string, plan func(context.Context, *service.Manager) (service.Plan, error)) error {
	if ctx == nil {
		ctx = context.Background()
	}
	// A wait can be broken off; what was asked of the service manager goes on.
	ctx, release := signal.NotifyContext(ctx, os.Interrupt)
	defer release()
	id, err := c.identity()
	if err != nil {
		return err
	}
	p, err := plan(ctx, service.NewManager(id))
	if err != nil {
		return serviceError(err)
	}
	if dryRun {
		return c.showPlan(p, true, next)
	}
	say := func(string) {}
	if c.output == "table" {
		say = func(text string) { _, _ = fmt.Fprintln(c.out, text) }
	}
	if err := p.Run(ctx, say); err != nil {
		return serviceError(err)
	}
	return c.showPlan(p, false, next)
}

// showPlan tells a plan; after it was carried out, people have read its steps already.
func (c *console) showPlan(p service.Plan, dryRun bool, next string) error {
	out := planned{DryRun: dryRun, Steps: []string{}, Unchanged: append([]string{}, p.Unchanged...), Notes: append([]string{}, p.Notes...)}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, s.Text)
	}
	return c.show(out, func(w io.Writer) error {
		var b strings.Builder
		if dryRun {
			for _, s := range p.Steps {
				fmt.Fprintf(&b, "would %s\n", s.Text)
				for line := range strings.Lines(s.Detail) {
					b.WriteString("    " + line)
				}
			}
		}
		for _, text := range p.Unchanged {
			fmt.Fprintf(&b, "unchanged: %s\n", text)
		}
		for _, text := range p.Notes {
			fmt.Fprintf(&b, "note: %s\n", text)
		}
		if next != "" && !dryRun {
			fmt.Fprintf(&b, "Next: %s\n", next)
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// serviceError gives an error of package service its exit code.
func serviceError(err error) error {
	switch {
	case errors.Is(err, service.ErrDenied):
		return &exitError{exitDenied, err}
	case errors.Is(err, service.ErrNoManager):
		return &exitError{exitUnreachable, err}
	case errors.Is(err, service.ErrForeign):
		return &exitError{exitFailed, fmt.Errorf("%w; choose another name with --name", err)}
	case errors.Is(err, service.ErrUnsupported):
		return &exitError{exitUsage, err}
	default:
		return &exitError{exitFailed, err}
	}
}
