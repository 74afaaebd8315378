package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func newReloadCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Read the configuration files again and apply them",
		Long: `Reads the configuration files again and applies what changed: apps whose own part did not change go
on running, and no request is dropped. With an error nothing changes, every problem is shown, and the
exit code is 3.`,
		Example:           "  holdfast reload\n  holdfast check && holdfast reload",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withClient(cmd, c.reload)
		},
	}
}

func (c *console) reload(ctx context.Context, client *api.Client) error {
	done, err := client.Reload(ctx)
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Code == api.CodeConfig {
		return c.rejected(p)
	}
	if err != nil {
		return err
	}
	return c.show(done, func(w io.Writer) error {
		if err := done.Warnings.Render(w, c.color()); err != nil {
			return err
		}
		what := "Reloaded: revision %d is in force.\n"
		if !done.Changed {
			what = "Nothing changed: revision %d stays in force.\n"
		}
		_, err := fmt.Fprintf(w, what, done.Revision)
		return err
	})
}

// rejected shows the problems as check does; they are the answer, so they go to stdout.
func (c *console) rejected(p *api.Problem) error {
	problems := p.ConfigProblems()
	if err := c.show(p, func(w io.Writer) error {
		if err := problems.Render(w, c.color()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\n%s. The running config is unchanged (revision %d).\n", problems.Summary(), p.Revision)
		return err
	}); err != nil {
		return err
	}
	return &exitError{exitInvalid, errors.New("")}
}
