package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// sameNodes compares what is looked at of a node.
func sameNodes(at string, got *node, want *yaml.Node) error {
	if got.Kind != want.Kind || got.Style != want.Style || got.Value != want.Value || got.Line != want.Line || got.Column != want.Column ||
		got.ShortTag() != want.ShortTag() || len(got.Content) != len(want.Content) {
		return fmt.Errorf("%s: %+v, want %+v", at, got, want)
	}
	for i := range got.Content {
		if err := sameNodes(fmt.Sprintf("%s/%d", at, i), got.Content[i], want.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

// libraryYAML is the text's only document by the YAML library.
func libraryYAML(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("not the only document")
	}
	return doc.Content[0], nil
}

// checkPlain reports whether text is plain; if it is, the library must read the same.
func checkPlain(t *testing.T, text []byte) bool {
	t.Helper()
	got := plainYAML(splitLines(text))
	if got == nil {
		return false
	}
	want, err := libraryYAML(text)
	if err != nil {
		t.Fatalf("%q is plain, and the library says: %v", text, err)
	}
	if err := sameNodes("", got, want); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return true
}

func TestPlainYAML(t *testing.T) {
	for _, text := range []string{
		"a: b", "a: b\n", "# c\na: b # d\n\nc: d\n", "a:\n  b: c\n  d:\n    e: f\ng: h", "a:\n- b\n- c\nd: e", "a:\n  - b\n  - {c: d}\n",
		"a: {b: c, d: [e, f, 'g'], \"h\": i,}", "a: []\nb: {}", "a: ''\nb: \"\"", "  a: b\n  c: d", "a: 'it # is'\r\nb: c\r\n", "- a\n- b",
		"a b: c d  \nurl: http://x:80/y?z#w", "a: {u: http://x:80/y, t: 10:30}", "n: null\nt: true\ni: 12\nf: 1.5\ns: 2026-01-01\nm: =\nx: ~",
		"a:   # why\n  b: c\n", "a: [-m, --port, -1, ---x, -a-b]\nb: -v\nc:\n- -x\n- --y=z\n", "a: [1, b c , d]", "a: b\n  # deep\nc: d", "a: \"b\"  # c", "a: {b: {c: {d: [[e]]}}}",
	} {
		if !checkPlain(t, []byte(text)) {
			t.Errorf("%q is not plain", text)
		}
	}
	for _, text := range []string{
		"", "# a", "a", "a:", "a:\nb: c", "a: b\n c: d", "a: b\n  c", "a: |\n  b", "a: >-\n  b", "a: &x b", "a: *x", "a: !!str b", "? a", "---\na: b",
		"a: b\n...\n", "a: \"b\\n\"", "a: 'b''c'", "a: {b: c\n}", "a: [b,\n c]", "a: {b}", "a: {b: }", "a: -", "a: [-]", "a: [- b]", "a: --", "a: -.5", "-m: b", "<<: {a: b}", "a: {<<: b}", "a: b: c", "a: b:",
		"a: {b: c} d", "a: 'b' c", "a:\tb", "a: b\tc", "ä: b", "a: - b", "- a: b", "- - a", "-\n  a", "a:\n  b: c\n d: e", "a: @b", "a: `b`", "%a: b",
		"{a: b}", "[a]", "a: [b]c", "a: {b: c}#d", "a: 'b'#c", "a: {b: #c}", "a: [b #c]", "'a': b", "a : b", "- a\nb: c", "a:\n- b\n - c", "a: [, b]",
		strings.Repeat("k", 2000) + ": v", strings.Repeat("a: {", 100) + strings.Repeat("}", 100),
	} {
		if checkPlain(t, []byte(text)) {
			t.Errorf("%q is plain", text)
		}
	}
}

// TestPlainYAMLOfFiles reads every configuration in this tree.
func TestPlainYAMLOfFiles(t *testing.T) {
	files, plain := 0, 0
	for _, root := range []string{"testdata", "../../configs", "../../cmd/holdfast/testdata"} {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			files++
			if checkPlain(t, textOf(text)) {
				plain++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d files are plain", plain, files)
	if plain < files/4 {
		t.Errorf("only %d of %d files are plain", plain, files)
	}
	if !checkPlain(t, manyRoutes(100)) {
		t.Error("routes are not plain")
	}
}

// FuzzPlainYAML: whatever is plain is what the library reads.
func FuzzPlainYAML(f *testing.F) {
	f.Add([]byte("a:\n  - b\n  - {c: [d, 'e'], f: \"g\"} # h\nc: http://x:1/#y\n"))
	f.Add([]byte("# x\nversion: 1\nroutes:\n  a: {match: {host: x.test}, urls: [\"http://127.0.0.1:1\"]}\n"))
	f.Add([]byte("a:\n- b\nc: - d\n"))
	f.Add([]byte("a: 'b\n  c'\nd: [e,\n  f]\n"))
	f.Add(manyRoutes(2))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := splitLines(text)
		if line, _, _ := badCharacter(lines); line > 0 || lineBreaks(lines) != nil {
			return // as parseYAML, which comes before
		}
		checkPlain(t, text)
	})
}

// TestNodeOf has what only the library reads: a copy says the same, and its aliases lead into the copy.
func TestNodeOf(t *testing.T) {
	text := []byte("a: &x {b: 30s, c: [true, ~, 1.5, 2020-01-01, !!str 5, !t u, \"\\n\"]}\nd: *x\ne: {<<: *x, f: |\n  g\n}\n")
	text = bytes.ReplaceAll(text, []byte("f: |\n  g\n"), []byte("f: 'it''s'"))
	want, err := libraryYAML(text)
	if err != nil {
		t.Fatal(err)
	}
	got := nodeOf(want)
	if err := sameNodes("", got, want); err != nil {
		t.Error(err)
	}
	if got.Content[3].Alias != got.Content[1] {
		t.Error("an alias leads out of the copy")
	}
}
