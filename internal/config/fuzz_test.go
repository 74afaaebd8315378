package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLoad reads anything as a main file: it must not panic, and must tell problems that have a
// code and a place within the text.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	more, err := filepath.Glob(configsFolder + "/examples/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, more...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a, *a]\nb: {<<: *a}\nc: {<<: [*b, *b]}\n"))
	f.Add([]byte("version: 1\nx-a: &a {b: &b {c: 1}}\napps: &m {<<: *m, s: {<<: [*a, *m]}}\n"))
	f.Add([]byte("\xff\xfev\x00:\x001\x00"))
	codes := map[string]bool{}
	for _, c := range Codes() {
		codes[c.Code] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, problems := Parse("fuzz.yaml", data, Options{})
		if (s == nil) != (problems.Errors() > 0) {
			t.Fatalf("snapshot %v with %s", s, problems.Summary())
		}
		if len(problems) > maxProblems+10 {
			t.Fatalf("%d problems are told", len(problems))
		}
		lines := splitLines(textOf(data))
		for _, p := range problems {
			switch {
			case !codes[p.Code]:
				t.Errorf("the code %q is not documented", p.Code)
			case p.Message == "" || !utf8.ValidString(p.Message) || len(p.Message) > maxMessage+3:
				t.Errorf("bad message %q", p.Message)
			case p.File != "fuzz.yaml" && p.Source == "":
				t.Errorf("no place: %+v", p)
			case p.File == "fuzz.yaml" && (p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1):
				t.Errorf("the place %s is not within the text", p.Place())
			}
		}
		var b strings.Builder
		if err := problems.Render(&b, true); err != nil || !utf8.ValidString(b.String()) {
			t.Errorf("render: %v", err)
		}
	})
}

// TestHostileFiles are files that would take for ever if they were read naively.
func TestHostileFiles(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("version: 1\nx-a0: &a0 {k: v}\n")
	for i := 1; i < 30; i++ {
		n, m := string(rune('a'+i%26))+strings.Repeat("x", i), string(rune('a'+(i-1)%26))+strings.Repeat("x", i-1)
		if i == 1 {
			m = "a0"
		}
		bomb.WriteString("x-" + n + ": &" + n + " {<<: [" + strings.Repeat("*"+m+", ", 9) + "*" + m + "]}\n")
		if i == 29 {
			bomb.WriteString("apps: {<<: *" + n + "}\n")
		}
	}
	wide := "version: 1\nx-w: &w {" + strings.Repeat("aaaaaaaa: 1, ", 20000) + "z: 1}\napps: {<<: [" + strings.Repeat("*w, ", 20000) + "*w]}\n"
	for name, text := range map[string]string{
		"merge bomb":    bomb.String(),
		"wide merge":    wide,
		"self merge":    "version: 1\napps: &a {<<: *a, x: {<<: *a}}\n",
		"deep brackets": "version: 1\napps: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"long line":     "version: 1\napps: {" + strings.Repeat("A, ", 100000) + "}\n",
		"long key":      "version: 1\n" + strings.Repeat("k", 1<<20) + ": 1\n",
		"too large":     strings.Repeat("# comment\n", 500000),
	} {
		t.Run(name, func(t *testing.T) {
			problems := Check("hostile.yaml", []byte(text), Options{})
			if problems.Errors() == 0 {
				t.Error("accepted")
			}
			if size := len(rendered(t, problems)); size > 1<<20 {
				t.Errorf("the report has %d bytes", size)
			}
		})
	}
}

// TestCodesAreUsed keeps the table, the constants and the golden files together.
func TestCodesAreUsed(t *testing.T) {
	var all strings.Builder
	files, err := filepath.Glob("testdata/broken/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	// These have tests of their own: no file shows them.
	elsewhere := []string{codeDefect, codeUnreadable, codeTooLarge, codeAssignment, codePolicy, codeInstalled, codeExpired, CodeNotApplied, CodeNextStart}
	seen := map[string]bool{}
	for _, c := range Codes() {
		if seen[c.Code] || c.Title == "" || c.Meaning == "" {
			t.Errorf("%+v is not a good entry", c)
		}
		seen[c.Code] = true
		if !strings.Contains(all.String(), "["+c.Code+"]") && !slices.Contains(elsewhere, c.Code) {
			t.Errorf("no broken configuration shows %s (%s)", c.Code, c.Title)
		}
	}
}
