package guide

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	page := strings.ReplaceAll(`# Page

<!-- run: node -->
'''sh
a
b
'''
text
'''yaml
version: 1
'''
<!-- not run: it is not -->
'''bat
x
'''
`, "'''", "```")
	got, err := Read(strings.NewReader(page))
	want := []Block{
		{4, "sh", "run", "node", "a\nb\n"},
		{9, "yaml", "", "", "version: 1\n"},
		{13, "bat", "not run", "it is not", "x\n"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Read: %v (-want +got):\n%s", err, diff)
	}
	for name, page := range map[string]string{
		"a block that nobody runs": "```sh\nx\n```\n",
		"a comment without one":    "<!-- run: x -->\n\n```sh\nx\n```\n",
		"a block without an end":   "<!-- run: x -->\n```sh\nx\n",
		"a comment at the end":     "<!-- run: x -->\n",
	} {
		if blocks, err := Read(strings.NewReader(page)); err == nil {
			t.Errorf("%s: %v", name, blocks)
		}
	}
}

func TestCommands(t *testing.T) {
	got, err := Block{Text: "C:\\> a b\nc\n\nd\nC:\\> e\n"}.Commands()
	want := []Command{{"a b", []string{"c", "", "d"}}, {"e", nil}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Commands: %v (-want +got):\n%s", err, diff)
	}
	if _, err := (Block{Text: "a\n"}).Commands(); err == nil {
		t.Error("an answer without a command")
	}
}

// TestGuide: what the guide shows of the examples is what they are, and its short Chinese version shows
// nothing that the English one, which is tried, does not.
func TestGuide(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	var tried string
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		f, err := os.Open(filepath.Join(root, "installer", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // only read
		blocks, err := Read(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		example, err := os.ReadFile(filepath.Join(root, "installer", "examples", "node", "holdfast.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		shown := false
		for _, b := range blocks {
			shown = shown || b.Text == string(example)
			if tried != "" && b.Verb != "" && !strings.Contains(tried, b.Text) {
				t.Errorf("%s: line %d is not in the English guide:\n%s", name, b.Line, b.Text)
			}
			if b.Verb == "run" && b.Language == "console" {
				if _, err := b.Commands(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if !shown {
			t.Errorf("%s does not show installer/examples/node/holdfast.yaml as it is", name)
		}
		for _, b := range blocks {
			tried += b.Text
		}
	}
}
