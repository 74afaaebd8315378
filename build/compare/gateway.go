//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clients is how many connections ask at the same time.
const clients = 64

// serving is a gateway that runs.
type serving struct {
	gateway
	address string
	cmd     *exec.Cmd
	done    chan struct{}
}

// sample is one turn of a gateway.
type sample struct {
	cpu      time.Duration // for each request
	rate     float64       // requests a second
	p50, p99 time.Duration
}

// row is what is measured for all gateways.
type row struct {
	title   string
	path    string
	names   []string
	samples map[string][]sample
}

func (r *row) add(name string, s sample) {
	if r.samples[name] == nil {
		r.names = append(r.names, name)
	}
	r.samples[name] = append(r.samples[name], s)
}

// compareGateways measures what a request costs through each gateway, in turns.
func (b *bench) compareGateways(ctx context.Context, o options, progress io.Writer) (string, error) {
	if err := makeSite(b); err != nil {
		return "", err
	}
	back, err := b.serve(ctx, origin(b), "")
	if err != nil {
		return "", err
	}
	defer back.stop()
	var all []*serving
	for _, g := range gateways(b, o) {
		if o.only != nil && !slices.Contains(o.only, g.name) {
			continue
		}
		s, err := b.serve(ctx, g, back.address)
		if err != nil {
			return "", err
		}
		defer s.stop()
		all = append(all, s)
	}
	rows := []*row{
		{title: "Answers of 1 KiB", path: "/1k"},
		{title: "Answers of 64 KiB", path: "/64k"},
		{title: "Files of 16 KiB from a folder", path: "/files/16k"},
	}
	for _, r := range rows {
		r.samples = map[string][]sample{}
		for n := range o.rounds + 1 {
			_, _ = fmt.Fprintf(progress, "%s: round %d of %d\n", r.title, n, o.rounds)
			for _, s := range all {
				if strings.HasPrefix(r.path, "/files/") && !s.files {
					continue
				}
				got, err := s.saturate(ctx, r.path, o.length)
				if err != nil {
					return "", fmt.Errorf("%s: %w", s.name, err)
				}
				if n > 0 { // the first one warms up
					r.add(s.name, got)
				}
			}
		}
	}
	half, err := halfLoad(ctx, rows[0], append([]*serving{back}, all...), o, progress)
	if err != nil {
		return "", err
	}
	return gatewayReport(rows, half), nil
}

// serve starts a gateway and waits until it answers.
func (b *bench) serve(ctx context.Context, g gateway, upstream string) (*serving, error) {
	b.folders++
	dir := filepath.Join(b.dir, strconv.Itoa(b.folders))
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // nginx' workers are another user
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	argv, err := g.command(dir, ports[0], upstream)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "console")) //nolint:gosec // our own folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	s := &serving{gateway: g, address: fmt.Sprintf("127.0.0.1:%d", ports[0]), done: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // one of the gateways
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	s.cmd.Env = append(os.Environ(), markName+"="+b.mark)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", g.name, err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // ended by stop
	}()
	if err := untilGood(ctx, "http://"+s.address+"/1k"); err != nil {
		text, _ := os.ReadFile(log.Name())
		s.stop()
		return nil, fmt.Errorf("%s: %w\n%s", g.name, err, text)
	}
	return s, nil
}

func (s *serving) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
}

// cpu is the processor time of the gateway's processes so far.
func (s *serving) cpu() time.Duration { return treeTime(s.cmd.Process.Pid) }

// saturate asks as fast as the gateway answers.
func (s *serving) saturate(ctx context.Context, path string, length time.Duration) (sample, error) {
	before := s.cpu()
	load, err := wrk(ctx, "http://"+s.address+path, length)
	if err != nil {
		return sample{}, err
	}
	return sample{cpu: (s.cpu() - before) / time.Duration(load.requests), rate: load.rate, p50: load.p50, p99: load.p99}, nil
}

// halfLoad asks every gateway, and the upstream itself, half as often as Holdfast can answer.
func halfLoad(ctx context.Context, full *row, all []*serving, o options, progress io.Writer) (*row, error) {
	var peak []float64
	for _, s := range full.samples["Holdfast"] {
		peak = append(peak, s.rate)
	}
	if len(peak) == 0 {
		return &row{}, nil
	}
	slices.Sort(peak)
	rate := peak[len(peak)/2] / 2
	r := &row{title: fmt.Sprintf("Half of the load that Holdfast can take (%.0f requests a second, 1 KiB)", rate), samples: map[string][]sample{}}
	for n := range o.rounds {
		_, _ = fmt.Fprintf(progress, "half load: round %d of %d\n", n+1, o.rounds)
		for _, s := range all {
			before := s.cpu()
			took, err := paced(ctx, s.address, "/1k", rate, o.length)
			if err != nil {
				return nil, fmt.Errorf("%s at half load: %w", s.name, err)
			}
			r.add(s.name, sample{
				cpu: (s.cpu() - before) / time.Duration(len(took)), rate: float64(len(took)) / o.length.Seconds(),
				p50: took[len(took)/2], p99: took[len(took)*99/100],
			})
		}
	}
	return r, nil
}

// gatewayReport puts the tables and the ratios together.
func gatewayReport(rows []*row, half *row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured with %s on %d CPUs, in turns, everything on one machine. %d connections, kept alive; wrk asks, nginx is the upstream. "+
		"Holdfast has metrics, access log to a file and identifiers; the others have no policy and no log. Processor time is that of all of a gateway's processes, from the system's accounting.\n", runtime.Version(), runtime.NumCPU(), clients)
	for _, r := range append(rows, half) {
		r.write(&b)
	}
	b.WriteString("\n| Holdfast's processor time for a request, to | 1 KiB | 64 KiB | wanted |\n| --- | ---: | ---: | ---: |\n")
	for _, want := range []struct {
		name string
		most float64
	}{{"ReverseProxy", 0.9}, {"Caddy", 0.45}, {"nginx", 2.6}} {
		fmt.Fprintf(&b, "| %s | %s | %s | at most %.2f |\n", want.name, rows[0].ratio(want.name), rows[1].ratio(want.name), want.most)
	}
	fmt.Fprintf(&b, "| nginx, files of 16 KiB | %s | | at most 1.50 |\n", rows[2].ratio("nginx"))
	if d, h := half.samples["direct"], half.samples["Holdfast"]; len(d) > 0 && len(h) > 0 {
		p99 := func(s sample) time.Duration { return s.p99 }
		p50 := func(s sample) time.Duration { return s.p50 }
		fmt.Fprintf(&b, "\nAdded at half load: p50 %s, p99 %s (wanted: p99 at most 1.00 ms).\n",
			millis(middle(h, p50)-middle(d, p50)), millis(middle(h, p99)-middle(d, p99)))
	}
	return b.String()
}

func (r *row) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n**%s**\n\n| | µs of processor time a request: min | median | max | ratio | requests a second | p50 | p99 |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", r.title)
	for _, name := range r.names {
		s := r.samples[name]
		cpu := each(s, func(s sample) time.Duration { return s.cpu })
		rates := make([]float64, 0, len(s))
		for _, one := range s {
			rates = append(rates, one.rate)
		}
		slices.Sort(rates)
		fmt.Fprintf(b, "| %s | %.1f | %.1f | %.1f | %s | %.0f | %s | %s |\n", name, micros(cpu[0]), micros(median(cpu)), micros(cpu[len(cpu)-1]), r.ratio(name),
			rates[len(rates)/2], millis(middle(s, func(s sample) time.Duration { return s.p50 })), millis(middle(s, func(s sample) time.Duration { return s.p99 })))
	}
}

// ratio is Holdfast's processor time to that of another one: the medians'.
func (r *row) ratio(name string) string {
	ours, theirs := r.samples["Holdfast"], r.samples[name]
	if len(ours) == 0 || len(theirs) == 0 {
		return ""
	}
	cpu := func(s sample) time.Duration { return s.cpu }
	return fmt.Sprintf("%.2f", float64(middle(ours, cpu))/float64(middle(theirs, cpu)))
}

func each(s []sample, of func(sample) time.Duration) []time.Duration {
	all := make([]time.Duration, 0, len(s))
	for _, one := range s {
		all = append(all, of(one))
	}
	slices.Sort(all)
	return all
}

func middle(s []sample, of func(sample) time.Duration) time.Duration { return median(each(s, of)) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
