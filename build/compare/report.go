//go:build linux

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table is a set of samples for each supervisor.
type table struct {
	names   []string
	samples map[string][]time.Duration
}

func newTable(all []supervisor) table {
	t := table{samples: make(map[string][]time.Duration)}
	for _, s := range all {
		t.names = append(t.names, s.name)
	}
	return t
}

func (t *table) add(name string, d time.Duration) { t.samples[name] = append(t.samples[name], d) }

// median is the middle sample, the mean of the middle two for an even number.
func median(samples []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(samples))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// write adds the table as markdown; ratios are of medians, to the first row's.
func (t *table) write(b *strings.Builder, title string) {
	fmt.Fprintf(b, "\n%s\n\n| | min | median | max | n | ratio of medians |\n| --- | ---: | ---: | ---: | ---: | ---: |\n", title)
	base := time.Duration(0)
	for _, name := range t.names {
		s := t.samples[name]
		if len(s) == 0 {
			continue
		}
		m := median(s)
		if base == 0 {
			base = m
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %d | %.1f |\n", name, ms(slices.Min(s)), ms(m), ms(slices.Max(s)), len(s), float64(m)/float64(base))
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// report puts all tables together.
func report(restarts table, starts startTimes, memory []footprint, fleets []fleet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured with %s on %d CPUs, in turns, everything on one machine at the same time.\n", runtime.Version(), runtime.NumCPU())
	restarts.write(&b, "**Kill -9 of the program to its first good answer**")
	starts.answer.write(&b, "**Start of the supervisor to the first good answer of its program**")
	starts.ready.write(&b, "**Start of the supervisor until it says that it is ready**")
	fmt.Fprintf(&b, "\n**Memory of the supervisor with five idle programs** (without the programs)\n\n| | processes | resident | proportional | resident each, MiB |\n| --- | ---: | ---: | ---: | --- |\n")
	for _, f := range memory {
		fmt.Fprintf(&b, "| %s | %d | %.1f MiB | %.1f MiB | %s |\n", f.name, f.processes, float64(f.rss)/1024, float64(f.pss)/1024, strings.Join(f.each, ", "))
	}
	writeScale(&b, fleets)
	return b.String()
}
