package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/gateway"
	"holdfast/internal/status"
)

func newRouteCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "route",
		Short:   "Find out which route serves a request, and why",
		Long:    "Commands about single routes and requests.",
		Example: "  holdfast route test https://shop.example.com/api/things\n  holdfast route ls",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := newRoutesCommand(c)
	list.Use, list.Example = "ls", "  holdfast route ls\n  holdfast route ls -o yaml"
	cmd.AddCommand(newRouteTestCommand(c), list)
	return cmd
}

// routeTest are the flags of "route test".
type routeTest struct {
	method, listener string
	headers          []string
}

func newRouteTestCommand(c *console) *cobra.Command {
	var given routeTest
	cmd := &cobra.Command{
		Use:   "test URL",
		Short: "Tell what the gateway would do with a request, and why",
		Long: `Tells which listener a request comes in by, the path as routes see it, the route that wins and what
serves it, and why the other routes lose, the nearest first. Nothing is sent.

Asked is the Holdfast that runs here. With --config, or when none runs, the answer is made from the
configuration file. The exit code is 1 when nothing serves the URL.`,
		Example: `  holdfast route test https://shop.example.com/api/things
  holdfast route test http://127.0.0.1:8080/api -X POST -H 'Host: shop.example.com' -H 'X-Tenant: blue'
  holdfast route test http://shop.example.com/ --listener web --config ./holdfast.yaml
  holdfast route test https://shop.example.com/ -o json | jq -r .route`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := given.query(args[0])
			if err != nil {
				return err
			}
			t, err := c.testRoute(cmd, q)
			if err != nil {
				return err
			}
			if err := c.show(t, func(w io.Writer) error { return c.writeRouteTest(w, c.style(), q, t) }); err != nil {
				return err
			}
			switch t.Outcome {
			case status.RouteServed, status.RouteRedirected, status.RouteAnswered:
				return nil
			case status.RouteRefused, status.RouteNone, status.RouteNoListener:
			}
			return &exitError{exitFailed, errors.New("")}
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&given.method, "method", "X", http.MethodGet, "method of the request")
	flags.StringArrayVarP(&given.headers, "header", "H", nil, "field of the request's header, as 'Name: value'; may be given again")
	flags.StringVar(&given.listener, "listener", "", "listener by which it comes in (default: the one with the URL's scheme and port)")
	_ = cmd.RegisterFlagCompletionFunc("method", cobra.FixedCompletions( // fails only for an unknown flag
		[]cobra.Completion{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// query is what is asked about url.
func (r routeTest) query(url string) (status.RouteQuery, error) {
	q := status.RouteQuery{URL: url, Method: r.method, Listener: r.listener}
	for _, text := range r.headers {
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return q, &exitError{exitUsage, fmt.Errorf("-H %q: write 'Name: value'", text)}
		}
		if q.Headers == nil {
			q.Headers = map[string][]string{}
		}
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		q.Headers[name] = append(q.Headers[name], strings.TrimSpace(value))
	}
	return q, nil
}

// testRoute asks the Holdfast that runs, or the configuration file.
func (c *console) testRoute(cmd *cobra.Command, q status.RouteQuery) (t status.RouteTest, err error) {
	if flag := cmd.Flag("config"); flag != nil && flag.Changed {
		return c.testRouteOfFile(q)
	}
	err = c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
		t, err = client.TestRoute(ctx, q)
		return err
	})
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Code == api.CodeInvalid {
		return t, &exitError{exitUsage, p}
	}
	if !errors.Is(err, api.ErrNotRunning) {
		return t, err
	}
	id, err := c.identity()
	if err != nil {
		return t, err
	}
	if _, err := fmt.Fprintf(c.err, "Holdfast is not running: this is what it would do with %s.\n", id.ConfigFile()); err != nil {
		return t, err
	}
	return c.testRouteOfFile(q)
}

func (c *console) testRouteOfFile(q status.RouteQuery) (status.RouteTest, error) {
	id, err := c.identity()
	if err != nil {
		return status.RouteTest{}, err
	}
	snapshot, problems := config.Load(c.configOptions(id, nil))
	if snapshot == nil {
		if err := problems.Render(c.err, false); err != nil {
			return status.RouteTest{}, err
		}
		return status.RouteTest{}, &exitError{exitInvalid, errors.New("the configuration cannot be used, so it has no routes")}
	}
	t, err := gateway.Explain(snapshot.Config, q)
	if errors.Is(err, status.ErrInvalid) {
		err = &exitError{exitUsage, err}
	}
	return t, err
}

func (c *console) writeRouteTest(w io.Writer, s style, q status.RouteQuery, t status.RouteTest) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s\n", t.Method, printable(q.URL), s.dash(), headlineOf(t))
	if t.Listener != "" {
		listener := t.Listener
		if len(t.OtherListeners) > 0 {
			listener += fmt.Sprintf(" (or %s, by where the name leads; choose with --listener)", strings.Join(t.OtherListeners, " or "))
		}
		s.fact(&b, "Listener", listener)
	}
	if t.Path != "" {
		s.fact(&b, "Matched", printable(t.Method+" "+t.Host+t.Path))
	}
	s.fact(&b, "Why", printable(t.Why))
	if t.Route != "" {
		serves := servesOf(t)
		if t.SentPath != "" {
			serves += " with path " + t.SentPath
		}
		s.fact(&b, "Serves", printable(serves))
	}
	if len(t.Policies) > 0 {
		s.fact(&b, "Policies", strings.Join(t.Policies, ", "))
	}
	for _, note := range t.Notes {
		s.fact(&b, "Note", printable(note))
	}
	if len(t.Lost) > 0 {
		rows := [][]string{{"LOST", "WHY"}}
		for _, l := range t.Lost {
			rows = append(rows, []string{l.Route, printable(l.Why)})
		}
		b.WriteString(columns("  ", rows))
	}
	if t.Omitted > 0 {
		fmt.Fprintf(&b, "  and %s that %s further off\n", many(t.Omitted, "route"), isOrAre(t.Omitted))
	}
	if next := nextForRoute(q, t); next != "" {
		fmt.Fprintf(&b, "Next: %s\n", c.command(next))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// headlineOf is the outcome in a few words.
func headlineOf(t status.RouteTest) string {
	switch t.Outcome {
	case status.RouteServed:
		return "route " + t.Route
	case status.RouteRedirected:
		return fmt.Sprintf("%d to %s", t.Status, printable(t.Location))
	case status.RouteAnswered:
		return fmt.Sprintf("answered %d", t.Status)
	case status.RouteRefused:
		return fmt.Sprintf("refused with %d", t.Status)
	case status.RouteNone:
		return fmt.Sprintf("no route, answered %d", t.Status)
	case status.RouteNoListener:
		return "no listener"
	default:
		return string(t.Outcome)
	}
}

// servesOf is what serves the request, as in the list of routes.
func servesOf(t status.RouteTest) string {
	switch api.RouteKind(t.Kind) {
	case api.RouteApp:
		return "app " + t.App
	case api.RouteFileServer:
		return "files of " + t.Target
	case api.RouteRedirect:
		return "redirect " + t.Target
	case api.RouteRespond:
		return "fixed answer " + t.Target
	case api.RouteURLs:
	}
	return t.Target
}

// nextForRoute is the command that most likely helps, "" when there is none.
func nextForRoute(q status.RouteQuery, t status.RouteTest) string {
	switch {
	case t.App != "":
		return "status " + t.App
	case t.Outcome == status.RouteNone:
		return "routes"
	case t.Outcome == status.RouteNoListener:
		return "route test " + quotedURL(q.URL) + " --listener NAME"
	case t.Outcome == status.RouteRedirected:
		return "route test " + quotedURL(t.Location)
	default:
		return ""
	}
}

// quotedURL is a URL as a shell takes it.
func quotedURL(url string) string {
	if strings.ContainsAny(url, "?&;|<>()'\"\\$*` ") || printable(url) != url {
		return fmt.Sprintf("%q", url)
	}
	return url
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
