package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"holdfast/internal/api"
	"holdfast/internal/config"
)

func newRemoveCommand(c *console) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an app that add, import or init wrote",
		Long: `Stops an app and removes its file in conf.d. Only files that "holdfast add", "holdfast import" and
"holdfast init" wrote are removed (their first line says so), and only when nothing else is in them;
what you wrote yourself is yours to remove. The configuration without the file is checked first: when
another app or route needs this one, nothing is removed.`,
		Example:           "  holdfast remove shop\n  holdfast remove shop --yes",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeApps(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.remove(cmd.Context(), args[0], yes)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (c *console) remove(ctx context.Context, name string, yes bool) error {
	t, err := c.confTarget(ctx)
	if err != nil {
		return err
	}
	f, err := t.fileOf(name)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	if snapshot, problems := t.load([]confFile{{name: f}}); snapshot == nil {
		return c.notWritten(problems)
	}
	file := filepath.Join(t.folder(), f)
	if !yes {
		if sure, err := c.ask(fmt.Sprintf("Stop app %q and remove %s?", name, file)); err != nil || !sure {
			return errors.Join(err, &exitError{exitFailed, errors.New("nothing was removed; to remove it without a question: " + c.command("remove "+name+" --yes"))})
		}
	}
	if err := t.takeBack([]confFile{{name: f}}); err != nil {
		return err
	}
	if t.running {
		if err := c.withRunning(func(client *api.Client) error {
			_, err := client.Reload(ctx)
			return err
		}); err != nil {
			return err
		}
	}
	c.say("Removed %s.\n", file)
	return nil
}

// takeBack removes files of conf.d for good.
func (t confTarget) takeBack(files []confFile) error {
	for _, f := range files {
		if err := os.Remove(t.path(f)); err != nil {
			return denied(err)
		}
	}
	return syncFolder(t.folder())
}

// fileOf is the file of conf.d that has an app, and nothing else.
func (t confTarget) fileOf(name string) (string, error) {
	entries, err := filepath.Glob(filepath.Join(t.folder(), "*.y*ml"))
	if err != nil {
		return "", err
	}
	for _, file := range entries {
		text, err := config.ReadBounded(file, 4<<20)
		if err != nil {
			return "", err
		}
		var part struct {
			Apps   map[string]yaml.Node `yaml:"apps"`
			Routes map[string]yaml.Node `yaml:"routes"`
		}
		if yaml.Unmarshal(text, &part) != nil {
			continue // not one that we wrote
		}
		if _, ok := part.Apps[name]; !ok {
			continue
		}
		if !ours(text) {
			return "", fmt.Errorf("app %q is in %s, which no command of Holdfast wrote: remove it there, then: holdfast reload", name, file)
		}
		if len(part.Apps) > 1 {
			return "", fmt.Errorf("app %q is in %s with other apps: remove it there, then: holdfast reload", name, file)
		}
		return filepath.Base(file), nil
	}
	s, _ := t.load(nil)
	if s != nil {
		if _, ok := s.Config.Apps[name]; ok {
			return "", fmt.Errorf("app %q is in %s itself, not in a file of its own: remove it there, then: holdfast reload", name, t.opts.File)
		}
	}
	return "", fmt.Errorf("there is no app %q in %s; to see them: holdfast status", name, t.folder())
}
