package pack

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// What only Linux can hold in a folder; on Windows most of these names cannot be made.
func TestHarvestRefuses(t *testing.T) {
	outside := folder(t, map[string]string{"secret": "x"})
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing", map[string]string{}, []string{"there is no file to pack"}},
		{"only folders", map[string]string{"a/b/": ""}, []string{"there is no file to pack"}},
		{"absolute link out", map[string]string{"x": "->" + outside + "/secret"}, []string{"x: it is a link that leaves the folder"}},
		{"relative link out", map[string]string{"a/x": "->../../../../../../../../etc/passwd"}, []string{"a/x: it is a link that leaves the folder"}},
		{"link to a folder out", map[string]string{"x": "->" + outside}, []string{"x: it is a link that leaves the folder"}},
		{"link through a link out", map[string]string{"x": "->y/secret", "y": "->" + outside}, []string{"x: it is a link that leaves", "y: it is a link that leaves"}},
		{"link to a folder within", map[string]string{"a/f": "", "b": "->a"}, []string{"b: it is a link to a folder"}},
		{"link to itself", map[string]string{"f": "", "b": "->b"}, []string{"b: it is a link"}},
		{"link to its own folder", map[string]string{"a/f": "", "a/b": "->."}, []string{"a/b: it is a link to a folder"}},
		{"link to nothing", map[string]string{"f": "", "b": "->none"}, []string{"b: it is a link to nothing"}},
		{"device", map[string]string{"lib/aux.js": ""}, []string{"lib/aux.js: Windows keeps this name for a device; rename it, or leave it out with --exclude"}},
		{"folder with a device's name", map[string]string{"con/x": "", "con/y": ""}, []string{"con: Windows keeps"}},
		{"colon", map[string]string{"a:b": ""}, []string{"Windows has no names with ':'"}},
		{"backslash", map[string]string{`a\b`: ""}, []string{`"a\\b": Windows has no names with '\\'`}},
		{"dot at the end", map[string]string{"a.": ""}, []string{"dot or space at the end"}},
		{"space at the end", map[string]string{"a /b": ""}, []string{"dot or space at the end"}},
		{"line break", map[string]string{"a\n\x1b[2J": ""}, []string{`"a\n\x1b[2J": its name holds the control character U+000A`}},
		{"not UTF-8", map[string]string{"a\xff": ""}, []string{`"a\xff": its name is not UTF-8 text`}},
		{"same in another case", map[string]string{"Readme": "", "README": ""}, []string{"Readme: on Windows it is the same as README"}},
		{"same folder in another case", map[string]string{"Lib/a": "", "lib/b": ""}, []string{"lib: on Windows it is the same as Lib"}},
		{"same in Greek", map[string]string{"ΣΑΣ": "", "σας": ""}, []string{"on Windows it is the same as"}},
		{"same by an old letter", map[string]string{"ſ": "", "S": ""}, []string{"on Windows it is the same as"}},
		{"long path", map[string]string{strings.Repeat("abcdefghi/", 24) + "x": ""}, []string{"more than 259 characters"}},
		{"several", map[string]string{"nul": "", "a?": "", "b": "->/"}, []string{"nul: ", "a?: ", "b: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := Harvest(folder(t, tt.files), target, nil, nil)
			if err == nil {
				t.Fatalf("packed: %v", tree.Files)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\x1b") || !utf8.ValidString(err.Error()) {
				t.Errorf("the message changes the terminal: %q", err)
			}
		})
	}
}

func TestHarvestRefusesPipe(t *testing.T) {
	dir := folder(t, map[string]string{"a": ""})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Harvest(dir, target, nil, nil); err == nil || !strings.Contains(err.Error(), "pipe: it is no ordinary file") {
		t.Errorf("%v", err)
	}
	for _, dir := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "none"), ""} {
		if _, err := Harvest(dir, target, nil, nil); err == nil {
			t.Errorf("%s is packed", dir)
		}
	}
}
