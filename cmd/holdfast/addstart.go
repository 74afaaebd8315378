package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/status"
)

// installed says what is done once files are written.
type installed struct {
	apps    []string
	wait    bool
	timeout time.Duration
}

// install writes files, asks a running Holdfast to read them and waits for the apps.
func (c *console) install(ctx context.Context, t confTarget, s *config.Snapshot, files []confFile, what installed) error {
	begin := time.Now()
	if err := t.write(files); err != nil {
		return err
	}
	if t.missing {
		c.say("Wrote %s, the configuration that all begins with.\n", t.opts.File)
	}
	for _, f := range files {
		c.say("Wrote %s.\n", t.path(f))
	}
	if !t.running {
		if t.other != "" {
			c.say("The Holdfast that runs here reads another file: %s\n", t.other)
		}
		c.say("Holdfast does not run with this configuration.\nNext: %s\n", c.runCommand(t))
		return nil
	}
	return c.withRunning(func(client *api.Client) error {
		if err := c.apply(ctx, client, t, files); err != nil {
			return err
		}
		if !what.wait {
			c.say("It is not started.\nNext: %s\n", c.command("start "+strings.Join(what.apps, " ")))
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, what.timeout)
		defer cancel()
		for _, app := range what.apps {
			if !s.Config.Apps[app].Autostart {
				c.say("%s is not started with Holdfast. To start it: %s\n", app, c.command("start "+app))
				continue
			}
			if err := c.follow(ctx, client, app, begin, address(s.Config, app)); err != nil {
				return err
			}
		}
		return nil
	})
}

// withRunning is withClient without a command.
func (c *console) withRunning(do func(*api.Client) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return c.callError(do(client))
}

// say writes a line for a person; other output forms have none.
func (c *console) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format, args...) // nobody could be told
}

// runCommand runs a configuration in this console.
func (c *console) runCommand(t confTarget) string {
	if c.config != "" {
		return c.command("run --config " + shellWord(t.opts.File))
	}
	return c.command("run") + " (or " + c.command("service start") + ")"
}

// apply asks for a reload and takes the files away again when it is refused.
func (c *console) apply(ctx context.Context, client *api.Client, t confTarget, files []confFile) error {
	_, err := client.Reload(ctx)
	p, refused := errors.AsType[*api.Problem](err)
	if err == nil || !refused || p.Code != api.CodeConfig {
		return err
	}
	if back := t.takeBack(files); back != nil {
		return fmt.Errorf("%w; %w", err, back)
	}
	_, _ = client.Reload(ctx) // what is in force is what it was
	err = c.rejected(p)
	c.say("What was written was taken back.\n")
	return err
}

// follow tells how an app comes up, and shows why when it does not.
func (c *console) follow(ctx context.Context, client *api.Client, name string, begin time.Time, url string) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	told := map[string]string{}
	for {
		app, err := client.App(ctx, name)
		switch {
		case errors.Is(err, status.ErrNotFound), err != nil && ctx.Err() != nil:
		case err != nil:
			return err
		default:
			c.progress(app, told)
			done, failed := cameUp(app, begin)
			if done && (proven(app, time.Now()) || didItsWork(app, begin)) {
				c.say("%s is ready after %s", name, time.Since(begin).Round(time.Millisecond))
				if url != "" {
					c.say(": %s", url)
				}
				c.say("\nNext: %s\n", c.command("status "+name))
				return nil
			}
			if failed == nil {
				failed = failing(app)
			}
			if failed != nil {
				return c.didNotStart(app)
			}
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return c.tooSlow(client, name)
		}
	}
}

// progress tells each new state of each instance once.
func (c *console) progress(app status.App, told map[string]string) {
	for _, i := range app.Instances {
		line := fmt.Sprintf("%s is %s", i.ID, i.State)
		switch {
		case i.Ready:
			line = i.ID + " is ready"
		case i.Why != "":
			line += ": " + printable(i.Why)
		case i.State == status.Starting && i.Port > 0:
			line += fmt.Sprintf(": process %d, port %d", i.PID, i.Port)
		}
		if told[i.ID] != line {
			told[i.ID] = line
			c.say("  %s\n", line)
		}
	}
}

// provenAfter is how long a program without a port, which is ready as soon as it runs, has to run before it
// counts as started.
const provenAfter = 2 * time.Second

// proven is true when no instance without a port has just begun.
func proven(app status.App, now time.Time) bool {
	for _, i := range app.Instances {
		if i.Port == 0 && now.Sub(i.StartedAt) < provenAfter {
			return false
		}
	}
	return true
}

// enough is after how many ends in a row it is not worth waiting any longer.
const enough = 3

// failing is an app that ends again and again, or that cannot be started at all.
func failing(app status.App) error {
	for _, i := range app.Instances {
		if i.LastExit == nil || i.Ready && i.Port > 0 {
			continue
		}
		if i.Restarts >= enough || i.LastExit.Reason == status.ReasonStartFailed || i.LastExit.Reason == status.ReasonStartupProbe {
			return errors.New(i.LastExit.Why())
		}
	}
	return nil
}

// didNotStart shows the newest end, and how to undo.
func (c *console) didNotStart(app status.App) error {
	var b strings.Builder
	s := c.style()
	if ends := newestEnds(app, ""); len(ends) > 0 {
		s.dossier(&b, ends[0].Instance, ends[0].Exit, dossierForm{lines: 12, probes: 3, more: c.command("exits " + app.ID + " -v")})
	}
	c.say("%sHoldfast goes on trying. Once it is mended: %s\nTo undo: %s\n", b.String(),
		c.command("restart "+app.ID+" --wait"), c.command("remove "+app.ID))
	return &exitError{exitFailed, fmt.Errorf("%s did not start", app.ID)}
}

func (c *console) tooSlow(client *api.Client, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	app, err := client.App(ctx, name)
	if err == nil && len(newestEnds(app, "")) > 0 {
		return c.didNotStart(app)
	}
	why := ""
	for _, reason := range c.style().reasons(app) {
		why = ": " + printable(reason)
	}
	c.say("To undo: %s\n", c.command("remove "+name))
	return &exitError{exitFailed, fmt.Errorf("%s is not ready yet, and the time to wait is over%s; see: %s",
		name, why, c.command("status "+name))}
}

// address is where the gateway answers for an app, empty when no route leads to it.
func address(cfg *config.Config, app string) string {
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		route := cfg.Routes[name]
		if route.App != app {
			continue
		}
		for _, listener := range slices.Sorted(slices.Values(route.Listeners)) {
			l, ok := cfg.Listeners[listener]
			host, port, err := net.SplitHostPort(l.Address)
			if !ok || err != nil {
				continue
			}
			if host == "" || host == "0.0.0.0" || host == "::" {
				host = "localhost"
			}
			if len(route.Match.Host) > 0 {
				host = route.Match.Host[0]
			}
			scheme, usual := "http", "80"
			if l.Certificate != "" {
				scheme, usual = "https", "443"
			}
			if port != usual {
				host = net.JoinHostPort(host, port)
			}
			return scheme + "://" + host + strings.TrimSuffix(route.Match.Path+route.Match.PathPrefix, "/") + "/"
		}
	}
	return ""
}

// ask wants a yes.
func (c *console) ask(question string) (bool, error) {
	if _, err := fmt.Fprintf(c.err, "%s [y/N] ", question); err != nil {
		return false, err
	}
	answer := make([]byte, 0, 8)
	one := make([]byte, 1)
	for len(answer) < cap(answer) {
		n, err := c.in.Read(one)
		if n > 0 && one[0] == '\n' || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
		answer = append(answer, one[:n]...)
	}
	switch strings.ToLower(strings.TrimSpace(string(answer))) {
	case "y", "yes":
		return true, nil
	default:
		return false, nil
	}
}
