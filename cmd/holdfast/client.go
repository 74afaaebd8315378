package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

// completionTimeout is how long a person who presses Tab should wait at most.
const completionTimeout = 500 * time.Millisecond

// client drives the Holdfast of this name on this machine; the caller closes it.
func (c *console) client() (*api.Client, error) {
	id, err := c.identity()
	if err != nil {
		return nil, err
	}
	return api.Dial(id.Endpoint()), nil
}

// withClient runs do and gives its errors their exit codes and cures.
func (c *console) withClient(cmd *cobra.Command, do func(context.Context, *api.Client) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return c.callError(do(cmd.Context(), client))
}

// callError says what to do about an error of the API.
func (c *console) callError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*exitError](err); ok {
		return err
	}
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return c.problemError(p)
	}
	switch {
	case errors.Is(err, api.ErrNotRunning):
		return &exitError{exitUnreachable, fmt.Errorf("%w: start it with %q or %q", err, c.command("run"), c.command("service start"))}
	case errors.Is(err, api.ErrDenied):
		how := "run this as root or as the account that Holdfast runs as"
		if runtime.GOOS == "windows" {
			how = "run this in a console that was started as administrator"
		}
		return &exitError{exitDenied, fmt.Errorf("%w: %s", err, how)}
	case errors.Is(err, context.DeadlineExceeded):
		return &exitError{exitUnreachable, fmt.Errorf("Holdfast does not answer in time: see its log")} //nolint:staticcheck // a name
	default:
		return &exitError{exitUnreachable, fmt.Errorf("Holdfast broke the connection off: %w", err)} //nolint:staticcheck // a name
	}
}

func (c *console) problemError(p *api.Problem) error {
	switch p.Status {
	case http.StatusForbidden:
		return &exitError{exitDenied, p}
	case http.StatusInternalServerError:
		return &exitError{exitFailed, fmt.Errorf("%w (%s)", p, p.RequestID)}
	default:
		return &exitError{exitFailed, p}
	}
}

// command is a command line for this installation, to be shown to a person.
func (c *console) command(rest string) string {
	var b strings.Builder
	b.WriteString("holdfast ")
	b.WriteString(rest)
	for _, flag := range []struct{ name, value, standard string }{
		{"name", c.name, "Holdfast"}, {"data", c.data, ""},
	} {
		// What the environment says here it says to the command that is shown, too.
		if flag.value == flag.standard || flag.value == "" || flag.value == os.Getenv("HOLDFAST_"+strings.ToUpper(flag.name)) {
			continue
		}
		if strings.ContainsAny(flag.value, " \t\"'$&;|<>()") {
			fmt.Fprintf(&b, " --%s %q", flag.name, flag.value)
		} else {
			fmt.Fprintf(&b, " --%s %s", flag.name, flag.value)
		}
	}
	return b.String()
}

// completeApps completes names of apps, of which several may be given when many is true.
func (c *console) completeApps(many bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		err := c.forCompletion(cmd, func(ctx context.Context, client *api.Client) error {
			apps, err := client.Apps(ctx)
			for _, a := range apps {
				names = append(names, cobra.CompletionWithDesc(a.ID, string(a.Condition)))
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeInstances completes names of apps and of their instances.
func (c *console) completeInstances(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	_ = c.forCompletion(cmd, func(ctx context.Context, client *api.Client) error { // no names then
		apps, err := client.Apps(ctx)
		for _, a := range apps {
			names = append(names, cobra.CompletionWithDesc(a.ID, string(a.Condition)))
			for _, i := range a.Instances {
				names = append(names, cobra.CompletionWithDesc(i.ID, string(i.State)))
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *console) forCompletion(cmd *cobra.Command, do func(context.Context, *api.Client) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	return do(ctx, client)
}
