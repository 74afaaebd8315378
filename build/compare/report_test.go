//go:build linux

package main

import (
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []time.Duration
		want time.Duration
	}{
		{[]time.Duration{3}, 3},
		{[]time.Duration{9, 1, 5}, 5},
		{[]time.Duration{4, 1, 2, 9}, 3},
	} {
		if got := median(tt.in); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestReportNamesTheRatio(t *testing.T) {
	restarts := newTable([]supervisor{{name: "Holdfast"}, {name: "other"}, {name: "absent"}})
	restarts.add("Holdfast", 10*time.Millisecond)
	restarts.add("other", 25*time.Millisecond)
	got := report(restarts, startTimes{}, []footprint{{name: "Holdfast", processes: 2, rss: 2048, pss: 1024}},
		[]fleet{{instances: 100, start: 1500 * time.Millisecond, cpu: 0.02, idle: 20 << 10, rss: 30 << 10, ready: 100}})
	for _, want := range []string{
		"| Holdfast | 10.0 ms | 10.0 ms | 10.0 ms | 1 | 1.0 |",
		"| other | 25.0 ms | 25.0 ms | 25.0 ms | 1 | 2.5 |",
		"| Holdfast | 2 | 2.0 MiB | 1.0 MiB |",
		"| 100 (100 ready at the end) | 1.5 s | 2.0 % | 200 µs a second | 30.0 MiB | 20.0 MiB | 102 KiB |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "absent") {
		t.Error("a supervisor without a sample has a row")
	}
}
