package pack

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/installer/guid"
)

// TestExamples packs the guide's examples, each with the program that the guide tells to put there.
func TestExamples(t *testing.T) {
	for example, program := range map[string]string{"node": "node.exe", "python": "python/python.exe", "go": "hello.exe"} {
		t.Run(example, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "examples", example))); err != nil {
				t.Fatal(err)
			}
			o := options(t)
			o.Dir, o.Config, o.Exclude = filepath.Join(dir, "app"), filepath.Join(dir, "holdfast.yaml"), nil
			exe := filepath.Join(o.Dir, filepath.FromSlash(program))
			if _, err := New(o); err == nil {
				t.Error("it is packed without its program")
			}
			if err := os.MkdirAll(filepath.Dir(exe), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(exe, []byte(pe(0x8664)), 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Warnings) > 0 {
				t.Errorf("warnings: %q", p.Warnings)
			}
		})
	}
}

// TestExampleCodes: every upgrade code that is shown to people is known as that of an example.
func TestExampleCodes(t *testing.T) {
	shown := regexp.MustCompile(`(?s)--name (\w+).{1,300}?--upgrade-code "?(\{[^}]*\})`)
	for _, name := range []string{"../README.md", "../README.zh-CN.md", "../pack.go", "../../README.md", "../../README.zh-CN.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := shown.FindAllSubmatch(text, -1)
		if len(found) != strings.Count(string(text), "--upgrade-code \"{") {
			t.Errorf("%s: %d of its upgrade codes have a name", name, len(found))
		}
		for _, m := range found {
			code, err := guid.Parse(string(m[2]))
			if product := exampleOf(code); err != nil || product != string(m[1]) {
				t.Errorf("%s: the upgrade code %s of %s is known as that of %q (%v)", name, m[2], m[1], product, err)
			}
		}
	}
}
