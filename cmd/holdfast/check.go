package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/config"
)

// checkResult is what `holdfast check -o json` prints.
type checkResult struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Problems config.Problems `json:"problems"`
	// What there is, when the configuration is good.
	Apps      int `json:"apps"`
	Instances int `json:"instances"`
	Routes    int `json:"routes"`
	Listeners int `json:"listeners"`
	// Policy are the keys that Group Policy sets.
	Policy []string `json:"policy,omitempty"`
	// Revision is the running one, which a check never changes; 0 when none runs or it reads another
	// file.
	Revision int `json:"revision,omitempty"`
	// RunningFile is the file that a running Holdfast of this name reads instead.
	RunningFile string `json:"running_file,omitempty"`
}

func newCheckCommand(c *console) *cobra.Command {
	var set []string
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and show every problem with its cure",
		Long: `Reads the configuration as "holdfast run" would, with conf.d beside it, the HOLDFAST_ variables and, on
Windows, Group Policy, and shows every problem at once: its code, place and cure. Nothing is started or
changed.

FILE is a main file, or - for one on standard input; without it, the one that "holdfast run" reads.
The exit code is 0 when the configuration can be used (warnings do not matter) and 3 when it cannot.`,
		Example: `  holdfast check
  holdfast check ./holdfast.yaml
  holdfast check ./holdfast.yaml --set apps.shop.instances=3
  holdfast check -o json | jq -r '.problems[] | "\(.file):\(.line): \(.message)"'`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.check(cmd.Context(), args, set)
			if err != nil {
				return err
			}
			if err := c.show(r, func(w io.Writer) error { return r.table(w, c.color()) }); err != nil {
				return err
			}
			if !r.OK {
				return &exitError{exitInvalid, errors.New("")}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "set one configuration key, as key=value; may be given again")
	return cmd
}

func (c *console) check(ctx context.Context, args, set []string) (checkResult, error) {
	id, err := c.identity()
	if err != nil {
		return checkResult{}, err
	}
	opts := c.configOptions(id, set)
	var (
		snapshot *config.Snapshot
		problems config.Problems
		revision int
		running  string
	)
	switch {
	case len(args) == 0:
		snapshot, problems = config.Load(opts)
		revision, running = c.running(ctx, opts.File)
	case args[0] == "-":
		text, err := io.ReadAll(c.in)
		if err != nil {
			return checkResult{}, fmt.Errorf("standard input: %w", err)
		}
		opts.File = ""
		snapshot, problems = config.Parse("-", text, opts)
	default:
		opts.File = args[0]
		snapshot, problems = config.Load(opts)
	}
	r := checkResult{
		File: opts.File, OK: snapshot != nil, Errors: problems.Errors(), Warnings: problems.Warnings(),
		Problems: append(config.Problems{}, problems...), Revision: revision, RunningFile: running,
	}
	if opts.File == "" {
		r.File = "standard input"
	}
	if snapshot != nil {
		r.Policy = snapshot.Policy
		r.Apps, r.Routes, r.Listeners = len(snapshot.Config.Apps), len(snapshot.Config.Routes), len(snapshot.Config.Listeners)
		for _, app := range snapshot.Config.Apps {
			r.Instances += app.Instances
		}
	}
	return r, nil
}

// running asks a running Holdfast of this name, and does not wait for one: its revision when it reads
// file, else the file that it reads.
func (c *console) running(ctx context.Context, file string) (revision int, other string) {
	client, err := c.client()
	if err != nil {
		return 0, ""
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	var view api.ConfigView
	if view, err = client.Config(ctx); err != nil || len(view.Files) == 0 {
		return 0, ""
	}
	if full, err := filepath.Abs(file); err == nil && full != view.Files[0] {
		return 0, view.Files[0]
	}
	return view.Revision, ""
}

// table writes the problems and one line that counts.
func (r checkResult) table(w io.Writer, color bool) error {
	if err := r.Problems.Render(w, color); err != nil {
		return err
	}
	line := fmt.Sprintf("%s: %s (%s).", r.File, r.Problems.Summary(), strings.Join([]string{
		many(r.Apps, "app"), many(r.Instances, "instance"), many(r.Routes, "route"), many(r.Listeners, "listener"),
	}, ", "))
	switch {
	case r.OK && r.Warnings > 0:
		line = "\n" + line
	case !r.OK && r.Revision > 0:
		line = fmt.Sprintf("\n%s. The running config is unchanged (revision %d).", r.Problems.Summary(), r.Revision)
	case !r.OK:
		line = "\n" + r.Problems.Summary() + "."
	}
	if len(r.Policy) > 0 {
		line += "\nGroup Policy sets " + many(len(r.Policy), "key") + ": " + strings.Join(r.Policy, ", ") + "."
	}
	if r.RunningFile != "" {
		line += "\nThe Holdfast that runs here reads another file: holdfast check " + r.RunningFile
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

func many[N int | uint64](n N, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if strings.HasSuffix(word, "s") {
		word += "e"
	}
	return fmt.Sprintf("%d %ss", n, word)
}
