package pack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a folder: names that end with "/" are folders, values that begin with "->" are links.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		parent := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			parent = full
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(text, "->"); ok {
			if err := os.Symlink(target, full); err != nil {
				t.Fatal(err)
			}
		} else if parent != full {
			if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

const target = `C:\Program Files\Shop\app`

func TestHarvest(t *testing.T) {
	dir := folder(t, map[string]string{
		"server.js": "x", "Lib/b.js": "yy", "lib2/a.js": "", "node.exe": pe(0x8664), "public/": "", "deep/empty/er/": "",
		"lib2/link.js": "->../server.js", "lib2/[id].js": "", "cache/x/y.tmp": "123", "cache/z.tmp": "4", "a.map": "12", "über/商店.txt": "z",
	})
	tree, err := Harvest(dir, target, []string{"cache", "*.map", "nothing"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range tree.Files {
		got = append(got, fmt.Sprintf("%s %d %s", f.Path, f.Size, f.Machine))
		if data, err := os.ReadFile(f.Source); err != nil || int64(len(data)) != f.Size || !filepath.IsAbs(f.Source) {
			t.Errorf("%s: source %s: %d bytes, %v", f.Path, f.Source, len(data), err)
		}
	}
	want := []string{
		"Lib/b.js 2 ", "lib2/[id].js 0 ", "lib2/a.js 0 ", "lib2/link.js 1 ", fmt.Sprintf("node.exe %d windows/amd64", len(pe(0))), "server.js 1 ", "über/商店.txt 1 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if want := int64(5 + len(pe(0))); tree.Size != want {
		t.Errorf("size %d, want %d", tree.Size, want)
	}
	if diff := cmp.Diff([]Exclusion{{"cache", 2, 4}, {"*.map", 1, 2}, {"nothing", 0, 0}}, tree.Excluded); diff != "" {
		t.Errorf("excluded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"2 folders are empty and left out: deep, public; let the program make it below its data folder",
		"--exclude nothing leaves nothing out; is it spelled as in the folder?",
	}, tree.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	for name, there := range map[string]bool{"server.js": true, "SERVER.JS": true, `lib\B.js`: true, "./lib2/../server.js": true, "x.js": false, "lib": false, "": false} {
		if f, ok := tree.Find(name); ok != there || ok && f.Size == 0 {
			t.Errorf("Find(%q) = %v, %v", name, f.Path, ok)
		}
	}
	for name, there := range map[string]bool{"": true, ".": true, "LIB": true, `Lib\`: true, "public": true, "server.js": false, "x": false} {
		if tree.Folder(name) != there {
			t.Errorf("Folder(%q) = %v", name, !there)
		}
	}
}

func TestHarvestWarnings(t *testing.T) {
	dir := folder(t, map[string]string{
		".env": "A=1", "conf/key.pem": "-----BEGIN PRIVATE KEY-----\n", ".git/config": "x", ".git/id_rsa": "x", ".git/refs/": "", "sub/.svn/x": "x",
		"lib/native.node": "\x7fELF", "ok.js": "x",
	})
	tree, err := Harvest(dir, target, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(tree.Warnings, "\n")
	for _, want := range []string{
		"2 files look like secrets", ".env (environment with secrets), conf/key.pem (private key)", "2 folders are version control", ".git, sub/.svn",
		"one program is not for Windows", "lib/native.node (Linux)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, ".git/") {
		t.Errorf("a file of version control is told by itself:\n%s", text)
	}
	if len(tree.Files) != 7 {
		t.Errorf("%d files: a warning leaves nothing out", len(tree.Files))
	}
	tree, err = Harvest(dir, target, []string{".git", ".svn"}, []string{".env", "conf", "*.node"})
	if err != nil || len(tree.Warnings) > 0 {
		t.Errorf("after --exclude and --allow: %v, %q", err, tree.Warnings)
	}
}

func TestHarvestLimits(t *testing.T) {
	small := limits{files: 10, file: 100, total: 250, tell: 3}
	many := map[string]string{}
	for i := range 11 {
		many[fmt.Sprintf("f%02d", i)] = ""
	}
	huge := map[string]string{"a": ""}
	for i := range 50 {
		huge[fmt.Sprintf("out/f%02d", i)] = ""
	}
	bad := map[string]string{}
	for i := range 5 {
		bad[fmt.Sprintf("bad?%d", i)] = ""
	}
	for _, tt := range []struct {
		name    string
		files   map[string]string
		exclude []string
		want    string
	}{
		{"as many as there may be", map[string]string{"a/b/c/d/e/f/g/h/i": strings.Repeat("x", 100)}, nil, ""},
		{"one file too many", many, nil, "f10: more than 10 files and folders"},
		{"one folder too many", map[string]string{"a/b/c/d/e/f/g/h/i/j/k": ""}, nil, "more than 10 files and folders"},
		{"one byte too many", map[string]string{"a": strings.Repeat("x", 101)}, nil, "a: it has 101 bytes; a cabinet holds files below 2 GiB"},
		{"too much together", map[string]string{"a": strings.Repeat("x", 100), "b": strings.Repeat("x", 100), "c": strings.Repeat("x", 51)}, nil, "c: with it, the folder has more than 250 bytes"},
		{"what is left out counts, too", huge, []string{"out"}, ""},
		{"what is left out counts one by one, too", huge, []string{"f*"}, "more than 40 files and folders, the excluded ones included"},
		{"enough problems", bad, nil, "bad?2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := harvest(folder(t, tt.files), target, tt.exclude, nil, small)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "bad?3") {
				t.Errorf("more problems than asked for: %v", err)
			}
			if tree != nil && tt.exclude != nil && tree.Excluded[0].Files > 40 {
				t.Errorf("an excluded folder is counted without end: %+v", tree.Excluded)
			}
		})
	}
}
