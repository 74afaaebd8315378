//go:build conformance && linux

package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestWire tries every case on every gateway.
func TestWire(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(framing(), chunking(), requestLines(), hosts(), fields(), identities(), hops(), expectations(), methods(), paths(), folders(), connections(), answers())
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
	}
	gateways := startGateways(t)
	results := tryAll(gateways, cases)
	var table strings.Builder
	fmt.Fprintf(&table, "%-52s %-14s", "case", "rule")
	for _, g := range gateways {
		fmt.Fprintf(&table, " %-16s", g.name)
	}
	table.WriteString("\n")
	worst, failed := 0, 0
	totals := make([][none + 1]int, len(gateways))
	for i, c := range cases {
		if !t.Run(c.name, func(t *testing.T) { c.verify(t, results[i][0]) }) {
			failed++
		}
		fmt.Fprintf(&table, "%-52s %-14s", c.name, c.rfc)
		for j, o := range results[i] {
			text, level := "-", none
			if !c.skips(gateways[j]) {
				text, level = c.cell(o), c.level(o)
			}
			totals[j][level]++
			fmt.Fprintf(&table, " %-16s", text)
		}
		laxest := c.laxest(gateways, results[i])
		switch reason, excused := laxer[c.name]; {
		case laxest && !excused:
			worst++
			t.Errorf("%s: Holdfast is the laxest: %v", c.name, strings.Fields(c.cell(results[i][0])))
			table.WriteString(" LAXEST")
		case laxest:
			table.WriteString(" laxest: " + reason)
		case excused:
			t.Errorf("%s: the exception is not needed any more", c.name)
		}
		table.WriteString("\n")
	}
	for j, g := range gateways {
		fmt.Fprintf(&table, "%s: %d refused, %d mended, %d passed on, %d smuggled\n", g.name, totals[j][refused], totals[j][mended], totals[j][passed], totals[j][smuggled])
	}
	fmt.Fprintf(&table, "%d cases: %d as wanted, %d not; Holdfast the laxest in %d, with a reason in %d\n",
		len(cases), len(cases)-failed, failed, worst, len(laxer))
	write(t, "conformance.txt", table.String())
}

// laxer are the cases in which Holdfast may be the laxest, and why.
var laxer = map[string]string{}

// skips says that a case makes no sense for a gateway.
func (c check) skips(g gateway) bool {
	return g.name != "holdfast" && c.only || g.name == "haproxy" && strings.HasPrefix(c.name, "file: ")
}

// laxest reports whether the first gateway is laxer than every other one.
func (c check) laxest(gateways []gateway, results []outcome) bool {
	compared := 0
	for j, o := range results[1:] {
		if c.skips(gateways[j+1]) {
			continue
		}
		if compared++; c.level(o) >= c.level(results[0]) {
			return false
		}
	}
	return compared > 0
}

// tryAll runs the cases, as many at once as there are lanes, and returns their outcomes by gateway.
func tryAll(gateways []gateway, cases []check) [][]outcome {
	results := make([][]outcome, len(cases))
	next := make(chan int)
	var trying sync.WaitGroup
	for n := range lanes {
		trying.Go(func() {
			for i := range next {
				results[i] = make([]outcome, len(gateways))
				var all sync.WaitGroup
				for j, g := range gateways {
					if !cases[i].skips(g) {
						all.Go(func() { results[i][j] = cases[i].try(g.lanes[n]) })
					}
				}
				all.Wait()
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	trying.Wait()
	return results
}

// write keeps a table for the reader.
func write(t *testing.T, name, text string) {
	t.Helper()
	dir := filepath.Join("..", "out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	t.Log(lines[len(lines)-1])
}
