package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

func newAppCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "app",
		Short:   "Find out what suits an app",
		Long:    "Commands that find out what suits an app.",
		Example: "  holdfast app calibrate shop",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCalibrateCommand(c))
	return cmd
}

func newCalibrateCommand(c *console) *cobra.Command {
	var grace time.Duration
	cmd := &cobra.Command{
		Use:   "calibrate APP",
		Short: "Try which stop method ends an app cleanly, and how fast",
		Long: `Starts a throwaway instance of the app for each stop method, one after the other, asks it to end that
way and measures how long its whole process tree takes. The app itself runs on, and the throwaway
instances get no requests from the gateway; but they do run the app's program, with its environment.

Shows at the end which method suits the app, and the lines for the configuration. The exit code is 1
when nothing ends it cleanly. Ctrl-C ends the calibration.`,
		Example: `  holdfast app calibrate shop
  holdfast app calibrate shop --grace 30s
  holdfast app calibrate shop -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeApps(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("grace") && grace <= 0 {
				return &exitError{exitUsage, fmt.Errorf("--grace %v: write how long each method may take, such as 10s", grace)}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.calibrate(ctx, client, args[0], grace)
			})
		},
	}
	cmd.Flags().DurationVar(&grace, "grace", 0, "how long each method may take (default: the app's own stop.grace)")
	return cmd
}

func (c *console) calibrate(ctx context.Context, client *api.Client, app string, grace time.Duration) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := c.style()
	result, err := client.Calibrate(ctx, app, grace, func(t status.StopTrial) {
		if c.output == "table" {
			_, _ = fmt.Fprintf(c.err, "%s %s: %s\n", s.clock(time.Now()), t.Method, outcomeOf(t)) // progress only
		}
	})
	switch {
	case ctx.Err() != nil:
		return &exitError{exitFailed, errors.New("the calibration was ended; the app is as it was")}
	case err != nil:
		return err
	}
	if err := c.show(result, func(w io.Writer) error { return c.writeCalibration(w, s, result) }); err != nil {
		return err
	}
	if result.Method == "" {
		return &exitError{exitFailed, c.nothingEnds(result)}
	}
	return nil
}

// nothingEnds says what to do when no method suits the app.
func (c *console) nothingEnds(result api.Calibration) error {
	if !slices.ContainsFunc(result.Trials, wasTried) {
		return fmt.Errorf("no method could be tried with %s, because its program does not run; see: %s", result.App, c.command("status "+result.App))
	}
	return fmt.Errorf("nothing ends %s cleanly within its grace period: Holdfast will have to kill it; let it handle one of these, or try a longer --grace", result.App)
}

// wasTried is false when there was nothing to be asked to end.
func wasTried(t status.StopTrial) bool { return t.Clean || t.Seconds > 0 }

// outcomeOf says how a trial went.
func outcomeOf(t status.StopTrial) string {
	switch {
	case t.Clean:
		return fmt.Sprintf("ended cleanly after %s", seconds(t.Seconds))
	case !wasTried(t):
		return "not tried: " + printable(t.Error)
	case t.Error != "":
		return printable(t.Error)
	case t.Exit != nil && t.Exit.Graceful:
		return fmt.Sprintf("ended after %s, but not cleanly: %s", seconds(t.Seconds), printable(t.Exit.Text))
	default:
		return fmt.Sprintf("still ran after %s and was killed", seconds(t.Seconds))
	}
}

// seconds is a short time.
func seconds(n float64) string { return life(time.Duration(n * float64(time.Second))) }

func (c *console) writeCalibration(w io.Writer, s style, result api.Calibration) error {
	rows := [][]string{{"METHOD", "CLEAN", "TOOK", "END"}}
	for _, t := range result.Trials {
		clean, took, end := "no", s.none(), t.Error
		if t.Clean {
			clean = "yes"
		}
		if wasTried(t) {
			took = seconds(t.Seconds)
		}
		if end == "" && t.Exit != nil {
			end = t.Exit.Text
		}
		rows = append(rows, []string{t.Method, clean, took, printable(end)})
	}
	if err := table(w, "", rows); err != nil || result.Method == "" {
		return err
	}
	verdict := fmt.Sprintf("%s ends %s cleanly in %s", result.Method, result.App, seconds(result.Seconds))
	next := "write that into the configuration, then: " + c.command("reload")
	if result.Method == result.Configured {
		verdict += " and is what the configuration says already:"
		next = c.command("status " + result.App)
	} else {
		verdict += fmt.Sprintf("; the configuration says %s. To change it:", result.Configured)
	}
	_, err := fmt.Fprintf(w, "\n%s\n\n%s\n\nNext: %s\n", verdict, strings.Join(result.Config, "\n"), next)
	return err
}
