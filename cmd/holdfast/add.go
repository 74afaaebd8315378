package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
	"holdfast/internal/migrate"
)

// addFlags are what `holdfast add` takes besides the name and the command.
type addFlags struct {
	directory, port, host, path, probe string
	env                                []string
	instances                          int
	dryRun, noStart                    bool
	timeout                            time.Duration
}

func newAddCommand(c *console) *cobra.Command {
	var f addFlags
	cmd := &cobra.Command{
		Use:   "add NAME [flags] -- COMMAND [ARG...]",
		Short: "Add an app: write its configuration, check it and start it",
		Long: `Writes conf.d/NAME.yaml beside the configuration file, once the whole configuration with it has been
checked: with an error nothing is written. A running Holdfast is asked to read it, and this command
waits until the app is ready and shows its address. The file is yours to edit afterwards.

The port is chosen by Holdfast and told to the program in PORT (and in SERVER_PORT, ASPNETCORE_URLS and
HTTP_PLATFORM_PORT), or wherever the command says ${port}; quote that, so that your shell leaves it
alone. A program that listens on a port of its own needs --port NUMBER, one that serves no HTTP
--port none.

A route sends requests to the app: those for --host and below --path, else all of them when there is
no route yet, else those for NAME.localhost.`,
		Example: `  holdfast add shop -- node server.js
  holdfast add files --probe / -- python3 -m http.server '${port}' --bind 127.0.0.1
  holdfast add api --host api.example.com --env MODE=production --instances 2 -- ./api --verbose
  holdfast add worker --port none --directory /srv/worker -- php artisan queue:work
  holdfast add old --port 5000 --dry-run -- java -jar old.jar`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch dash := cmd.ArgsLenAtDash(); {
			case dash < 0 && len(args) > 1:
				return fmt.Errorf("write -- between the name and the command: holdfast add %s -- %s", args[0], strings.Join(args[1:], " "))
			case dash != 1 || len(args) < 2:
				return errors.New("give the app's name, then -- and its command")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.add(cmd.Context(), args[0], args[1:], f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.directory, "directory", "", "working directory of the program (default: the present one)")
	flags.StringVar(&f.port, "port", "auto", "auto, none, or the number of the port that the program listens on")
	flags.StringArrayVar(&f.env, "env", nil, "environment variable, as NAME=VALUE; may be given again")
	flags.IntVar(&f.instances, "instances", 1, "how many run at once")
	flags.StringVar(&f.host, "host", "", "host name whose requests it answers")
	flags.StringVar(&f.path, "path", "", "path below which it answers, such as /api")
	flags.StringVar(&f.probe, "probe", "", "path that it answers with 200 to 399 when it is well, such as /healthz (default: a TCP connect)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would be written, and write nothing")
	flags.BoolVar(&f.noStart, "no-start", false, "do not start it, neither now nor with Holdfast")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait until it is ready")
	_ = cmd.MarkFlagDirname("directory") // fails only for an unknown flag
	return cmd
}

func (c *console) add(ctx context.Context, name string, command []string, f addFlags) error {
	p, err := f.program(name, command)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	t, err := c.confTarget(ctx)
	if err != nil {
		return err
	}
	now, problems := t.load(nil)
	if now == nil {
		return c.notWritten(problems)
	}
	if _, ok := now.Config.Apps[name]; ok {
		return &exitError{exitUsage, fmt.Errorf("app %q is there already: choose another name, change it in its file, or begin with: %s", name, c.command("remove "+name))}
	}
	if p.Port != "none" {
		p.Route = f.route(name, now.Config)
	}
	text, err := p.YAML(head("add", name, ""))
	if err != nil {
		return err
	}
	files := []confFile{{name: name + ".yaml", text: text}}
	snapshot, problems := t.load(files)
	if snapshot == nil {
		return c.notWritten(problems)
	}
	if err := c.warnings(t, files, problems); err != nil {
		return err
	}
	if f.dryRun {
		_, err := fmt.Fprintf(c.out, "%s\n# %s would be written, and nothing else is done.\n", text, t.path(files[0]))
		return err
	}
	return c.install(ctx, t, snapshot, files, installed{apps: []string{name}, wait: !f.noStart, timeout: f.timeout})
}

// program is what the flags say.
func (f addFlags) program(name string, command []string) (migrate.Program, error) {
	p := migrate.Program{Name: name, Command: command, Port: f.port, Instances: f.instances, Manual: f.noStart, Probe: f.probe}
	if good := migrate.Name(name); good != name {
		if good == "" {
			good = "shop"
		}
		return p, fmt.Errorf("%q cannot be the name of an app; write %q: lower-case letters, digits, - and _", name, good)
	}
	if n, err := strconv.Atoi(f.port); f.port != "auto" && f.port != "none" && (err != nil || n < 1 || n > 65535) {
		return p, fmt.Errorf("--port %s: write auto, none or a number from 1 to 65535", f.port)
	}
	if f.port == "none" && (f.host != "" || f.path != "" || f.probe != "") {
		return p, errors.New("--port none: an app without a port has no route and no HTTP probe; leave --host, --path and --probe out")
	}
	for _, path := range []string{f.path, f.probe} {
		if path != "" && !strings.HasPrefix(path, "/") {
			return p, fmt.Errorf("the path %q does not begin with a slash: write /%s", path, path)
		}
	}
	for _, one := range f.env {
		key, value, ok := strings.Cut(one, "=")
		if !ok || key == "" {
			return p, fmt.Errorf("--env %s: write NAME=VALUE", one)
		}
		p.Env = append(p.Env, [2]string{key, value})
	}
	directory, err := filepath.Abs(f.directory)
	if err != nil {
		return p, fmt.Errorf("--directory %s: %w", f.directory, err)
	}
	p.Directory = directory
	p.Command = slices.Clone(command)
	if strings.ContainsAny(command[0], `/`+string(filepath.Separator)) && !strings.HasPrefix(command[0], "${") {
		// A program with a folder is meant from here; in the file it would be from there.
		if p.Command[0], err = filepath.Abs(command[0]); err != nil {
			return p, fmt.Errorf("%s: %w", command[0], err)
		}
	}
	return p, nil
}

// route is what the flags say, else everything for the first app and a host name of its own for others.
func (f addFlags) route(name string, cfg *config.Config) *migrate.Match {
	m := &migrate.Match{Host: f.host, Path: f.path}
	if f.path == "/" {
		m.Path = ""
	}
	if m.Host == "" && m.Path == "" && len(cfg.Routes) > 0 {
		m.Host = dashed(name) + ".localhost"
	}
	return m
}

// marker begins the head of every file that Holdfast's own commands write; remove takes away only
// those.
const marker = `# Written by "holdfast `

// head is the first comment of such a file.
func head(command, name, from string) string {
	text := fmt.Sprintf("Written by \"holdfast %s\"", command)
	if from != "" {
		text += " from " + from
	}
	text += fmt.Sprintf(". Edit it as you like: saving it applies it.\nTo take the app away again: holdfast remove %s", name)
	return text
}

// ours reports whether a file was written by add, import or init.
func ours(text []byte) bool { return strings.HasPrefix(string(text), marker) }

// hasFile reports whether a file or folder is there.
func hasFile(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// dashed is an app's name as a part of a host name.
func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

// shellWord is a path as it is written in a command line that is shown.
func shellWord(path string) string {
	switch {
	case !strings.ContainsAny(path, " \t\"'$&;|<>()"):
		return path
	case filepath.Separator == '\\':
		return `"` + path + `"`
	default:
		return strconv.Quote(path)
	}
}
