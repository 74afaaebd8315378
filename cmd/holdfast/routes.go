package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

func newRoutesCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "routes",
		Short: "Show what the gateway answers which request with",
		Long: `Shows the routes in force. Of all routes that match a request the most specific serves it: exact
host before wildcard before none, then exact path before longer prefix, then more conditions, then
higher priority, then the name.`,
		Example:           "  holdfast routes\n  holdfast routes -o yaml",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				routes, err := client.Routes(ctx)
				if err != nil {
					return err
				}
				return c.show(routes, func(w io.Writer) error { return c.writeRoutes(w, c.style(), routes) })
			})
		},
	}
}

func (c *console) writeRoutes(w io.Writer, s style, routes []api.Route) error {
	if len(routes) == 0 {
		_, err := fmt.Fprintf(w, "No routes are configured: the gateway answers 404 to everything.\nNext: add one to the configuration file, then: %s\n", c.command("reload"))
		return err
	}
	rows := [][]string{{"ROUTE", "LISTENERS", "MATCH", "SERVES", "READY"}}
	for _, r := range routes {
		ready := s.none()
		if r.Kind == api.RouteApp {
			ready = fmt.Sprintf("%d/%d", r.Ready, r.Desired)
			if len(r.Targets) > 0 { // supervision finds those ready that the route has taken out, too
				ready = fmt.Sprintf("%d/%d", inState(r.Targets, status.TargetReady), r.Desired)
			}
		}
		if r.Kind == api.RouteURLs && len(r.Targets) > 0 {
			ready = fmt.Sprintf("%d/%d", inState(r.Targets, status.TargetReady), len(r.Targets))
		}
		for _, state := range []status.TargetState{status.TargetResting, status.TargetEjected, status.TargetFailing} {
			if n := inState(r.Targets, state); n > 0 {
				ready += fmt.Sprintf(", %d %s", n, state)
			}
		}
		rows = append(rows, []string{r.ID, strings.Join(r.Listeners, ","), matchOf(r), r.Serves, ready})
	}
	return table(w, "", rows)
}

// inState counts the targets in a state.
func inState(targets []status.RouteTarget, state status.TargetState) int {
	n := 0
	for _, t := range targets {
		if t.State == state {
			n++
		}
	}
	return n
}

// matchOf is a route's conditions in one cell: "GET shop.example.com/api/*".
func matchOf(r api.Route) string {
	var b strings.Builder
	if len(r.Method) > 0 {
		b.WriteString(strings.Join(r.Method, ",") + " ")
	}
	b.WriteString(strings.Join(r.Host, ","))
	switch {
	case r.Path != "":
		b.WriteString(r.Path)
	case r.PathPrefix != "" && r.PathPrefix != "/":
		b.WriteString(strings.TrimSuffix(r.PathPrefix, "/") + "/*")
	default:
		b.WriteString("/*")
	}
	if n := len(r.Header); n > 0 {
		fmt.Fprintf(&b, " +%d header", n)
	}
	return b.String()
}
