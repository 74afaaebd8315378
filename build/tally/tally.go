package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json; build lines: go help buildjson).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// count is how many tests ended how. A package that fails without a failed test counts as one.
type count struct{ passed, failed int }

// packageRun is what is known of one package's tests so far.
type packageRun struct {
	output map[string][]string // by test; "" for the package itself
	open   map[string]bool     // began and did not end yet
	count  count
}

// tally reads events until the end of in.
func tally(in io.Reader, out io.Writer) (count, error) {
	var total count
	packages := make(map[string]*packageRun)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			total.add(handle(packages, line, out))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return total, fmt.Errorf("read: %w", err)
		}
	}
	for name, p := range packages { // only one whose process died has no end
		total.add(p.end(name, "fail", 0, out))
	}
	return total, nil
}

func (c *count) add(other count) {
	c.passed += other.passed
	c.failed += other.failed
}

// handle takes one line and returns the counts of the package that it ends, if it ends one.
func handle(packages map[string]*packageRun, line string, out io.Writer) count {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		_, _ = io.WriteString(out, line) // the go command's own words
		return count{}
	}
	if e.Package == "" {
		if e.Action == "build-output" {
			_, _ = io.WriteString(out, e.Output)
		}
		return count{} // the package that needed the build fails after it
	}
	p := packages[e.Package]
	if p == nil {
		p = &packageRun{output: make(map[string][]string), open: make(map[string]bool)}
		packages[e.Package] = p
	}
	switch e.Action {
	case "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case "run":
		p.open[e.Test] = true
	case "pass", "fail", "skip":
		if e.Test != "" {
			p.endTest(e, out)
			return count{}
		}
		delete(packages, e.Package)
		return p.end(e.Package, e.Action, e.Elapsed, out)
	}
	return count{}
}

// endTest shows a test that did not pass, with all it wrote.
func (p *packageRun) endTest(e event, out io.Writer) {
	delete(p.open, e.Test)
	text := p.output[e.Test]
	delete(p.output, e.Test)
	if e.Action == "pass" {
		p.count.passed++
		return
	}
	p.count.failed++
	title := "FAIL"
	if e.Action == "skip" {
		title = "SKIPPED, which counts as failed:"
	}
	_, _ = fmt.Fprintf(out, "%s %s %s\n", title, e.Package, e.Test)
	for _, line := range text {
		_, _ = io.WriteString(out, "    "+line)
	}
}

// end shows a package's line. Tests that never ended count as failed, and so does a package that
// failed for another reason than a test: a build, a panic, a leaked goroutine.
func (p *packageRun) end(name, action string, seconds float64, out io.Writer) count {
	var open []string
	for test := range p.open {
		open = append(open, test)
	}
	slices.Sort(open)
	for _, test := range open {
		p.endTest(event{Action: "fail", Package: name, Test: test}, out)
	}
	if action == "fail" {
		if p.count.failed == 0 {
			p.count.failed++
		}
		for _, line := range p.output[""] {
			_, _ = io.WriteString(out, "    "+line)
		}
	}
	if p.count.passed+p.count.failed == 0 {
		return p.count // no test files
	}
	word := "ok  "
	if p.count.failed > 0 {
		word = "FAIL"
	}
	_, _ = fmt.Fprintf(out, "%s %-40s %4d passed %3d failed %7.1f s\n", word, name, p.count.passed, p.count.failed, seconds)
	return p.count
}
