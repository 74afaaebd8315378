package supervise

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

var update = flag.Bool("update", false, "write the table of transitions anew into doc.go and ARCHITECTURE.md")

// TestEveryInputIsDecidedInEveryState finds a pair that the table forgot, and a row that no input can
// reach because the one before it always fits.
func TestEveryInputIsDecidedInEveryState(t *testing.T) {
	table := newTable()
	for _, state := range status.States() {
		for _, k := range kinds() {
			rows := table.rows[decides{state, k}]
			if len(rows) == 0 {
				t.Errorf("%s, %s: no row decides", state, k)
				continue
			}
			for n, r := range rows {
				if last := n == len(rows)-1; last != (len(r.when) == 0) {
					t.Errorf("%s, %s: row %d of %d has %d conditions: the last one, and only that, must always fit", state, k, n+1, len(rows), len(r.when))
				}
			}
		}
	}
	known := len(status.States()) * len(kinds())
	if len(table.rows) != known {
		t.Errorf("%d pairs of state and input are decided, there are %d", len(table.rows), known)
	}
}

func TestRowsSayWhatTheyDo(t *testing.T) {
	for n, r := range transitions() {
		acts := r.to != "" || len(r.do) > 0
		if acts == (r.ignored != "") {
			t.Errorf("row %d (%v, %s) must either lead somewhere or be ignored for a reason", n+1, r.from, r.on)
		}
	}
}

// TestTableIsShown keeps doc.go and ARCHITECTURE.md as the table is.
func TestTableIsShown(t *testing.T) {
	shown(t, "doc.go", "// # Transitions\n//\n", "package supervise\n", asComment(lines()))
	shown(t, "../../ARCHITECTURE.md", "<!-- transitions: go test ./internal/supervise -update -->\n", "<!-- end of transitions -->\n", asMarkdown(lines()))
}

// shown compares what is between two markers of a file, or writes it.
func shown(t *testing.T, file, first, last, want string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, ok := strings.Cut(text, first)
	got, after, ended := strings.Cut(rest, last)
	if !ok || !ended {
		t.Fatalf("%s: there is no %q followed by %q", file, first, last)
	}
	if got == want {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+first+want+last+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s does not show the table as it is (-shown +table); go test ./internal/supervise -update writes it:\n%s", file, cmp.Diff(got, want))
}

// lines are the cells of the table.
func lines() [][]string {
	out := [][]string{{"state", "input", "if", "next", "actions"}}
	for _, r := range transitions() {
		var conditions, actions []string
		for _, g := range r.when {
			conditions = append(conditions, g.name)
		}
		for _, a := range r.do {
			actions = append(actions, a.name)
		}
		next := string(r.to)
		if r.ignored != "" {
			next, actions = "ignored", []string{r.ignored}
		} else if next == "" {
			next = "stays"
		}
		out = append(out, []string{
			states(r.from), string(r.on), strings.Join(conditions, "; "), next, strings.Join(actions, "; "),
		})
	}
	return out
}

// states names a set of states as shortly as it can.
func states(from []status.State) string {
	var others []string
	for _, s := range status.States() {
		if !slices.Contains(from, s) {
			others = append(others, string(s))
		}
	}
	switch {
	case len(others) == 0:
		return "any"
	case len(others) < 3:
		return "any but " + strings.Join(others, ", ")
	}
	var names []string
	for _, s := range from {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func asMarkdown(lines [][]string) string {
	var b strings.Builder
	for n, line := range lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
		if n == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(line)) + "\n")
		}
	}
	return b.String()
}

func asComment(lines [][]string) string {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for n, cell := range line {
			width[n] = max(width[n], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		text := ""
		for n, cell := range line {
			text += fmt.Sprintf("%-*s  ", width[n], cell)
		}
		b.WriteString("//\t" + strings.TrimRight(text, " ") + "\n")
	}
	return b.String()
}
