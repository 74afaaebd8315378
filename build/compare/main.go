//go:build linux

// Command compare measures Holdfast's supervision beside what a user would pick instead: supervisord,
// s6, runit and PM2. All run at the same time, keep the same tiny HTTP server alive, and take turns
// in every round, so that what the machine does meanwhile falls on all alike.
//
//	build/bench                     installs what it needs and runs this
//	build/bench -rounds 50 -markdown result.md
//	build/bench gateway             the gateway beside nginx, haproxy, Caddy and httputil.ReverseProxy
//
// It prints tables in markdown and decides nothing: no timing is asserted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what may be asked for.
type options struct {
	rounds, starts int
	idle           time.Duration
	only           []string
	scale          []int
	markdown       string
	pm2            string
	gateway        bool          // measure the gateway instead
	length         time.Duration // of one turn of a gateway
	caddy          string
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	text, err := compare(ctx, o, stderr)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "compare: %v\n", err)
		return 1
	}
	_, _ = io.WriteString(stdout, text)
	if o.markdown != "" {
		if err := os.WriteFile(o.markdown, []byte(text), 0o600); err != nil { //nolint:gosec // the file that the caller names
			_, _ = fmt.Fprintf(stderr, "compare: %v\n", err)
			return 1
		}
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.rounds, "rounds", 20, "how often each one's program is killed; gateway: turns of each")
	flags.IntVar(&o.starts, "starts", 20, "how often each one is started")
	flags.DurationVar(&o.idle, "idle", 5*time.Second, "how long each one idles before its memory is read")
	flags.StringVar(&o.markdown, "markdown", "", "write the tables to this file as well")
	flags.StringVar(&o.pm2, "pm2", "", "path of pm2-runtime (empty leaves PM2 out)")
	flags.DurationVar(&o.length, "length", 3*time.Second, "gateway: how long a turn lasts")
	flags.StringVar(&o.caddy, "caddy", "", "gateway: path of caddy (empty leaves Caddy out)")
	fleets := flags.String("scale", "20,200", "comma-separated numbers of apps with five instances each (empty: none)")
	only := flags.String("only", "", "comma-separated names to measure (default all)")
	if o.gateway = len(args) > 0 && args[0] == "gateway"; o.gateway {
		args = args[1:]
		o.rounds = 5
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 0 || o.rounds > 1000 || o.starts < 0 || o.starts > 1000 || flags.NArg() > 0 {
		_, _ = fmt.Fprintln(stderr, "compare: -rounds and -starts are from 0 to 1000")
		return o, errors.New("usage")
	}
	for _, text := range strings.FieldsFunc(*fleets, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 400 {
			_, _ = fmt.Fprintln(stderr, "compare: -scale takes numbers from 1 to 400")
			return o, errors.New("usage")
		}
		o.scale = append(o.scale, n)
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	return o, nil
}

// build makes a program of the module.
func build(ctx context.Context, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg) //nolint:gosec // constants
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// compare runs all measurements and returns the report.
func compare(ctx context.Context, o options, progress io.Writer) (string, error) {
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{dir: dir, target: filepath.Join(dir, "target"), holdfast: filepath.Join(dir, "holdfast"), reverse: filepath.Join(dir, "reverseproxy"), mark: filepath.Base(dir)}
	defer b.killAll()
	if o.gateway {
		for out, pkg := range map[string]string{b.holdfast: "./cmd/holdfast", b.reverse: "./build/compare/reverseproxy"} {
			if err := build(ctx, out, pkg); err != nil {
				return "", err
			}
		}
		return b.compareGateways(ctx, o, progress)
	}
	all := supervisors(b, o)
	binaries := map[string]string{b.target: "./build/compare/target"}
	if len(o.scale) > 0 || slices.ContainsFunc(all, func(s supervisor) bool { return s.name == "Holdfast" }) {
		binaries[b.holdfast] = "./cmd/holdfast"
	}
	for out, pkg := range binaries {
		if err := build(ctx, out, pkg); err != nil {
			return "", err
		}
	}
	_, _ = fmt.Fprintf(progress, "restart: %d rounds of %d supervisors\n", o.rounds, len(all))
	restarts, err := b.restarts(ctx, all, o.rounds)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(progress, "start: %d rounds\n", o.starts)
	starts, err := b.starts(ctx, all, o.starts)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(progress, "memory: five programs, %v idle\n", o.idle)
	memory, err := b.memory(ctx, all, o.idle)
	if err != nil {
		return "", err
	}
	var fleets []fleet
	for _, apps := range o.scale {
		_, _ = fmt.Fprintf(progress, "scale: %d apps of five instances\n", apps)
		f, err := b.scale(ctx, apps, o.idle, 30*time.Second)
		if err != nil {
			return "", err
		}
		fleets = append(fleets, f)
	}
	return report(restarts, starts, memory, fleets), nil
}
