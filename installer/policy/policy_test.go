package policy

import (
	"archive/zip"
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write configs/policy anew")

const committed = "../../configs/policy"

// files are the templates of an installation, by name.
func files(t *testing.T, name string) map[string][]byte {
	t.Helper()
	all, err := Files(name)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]byte{}
	for _, f := range all {
		byName[f.Name] = f.Data
	}
	return byName
}

// TestCommitted holds the templates that are kept with the sources against the table.
func TestCommitted(t *testing.T) {
	if *update {
		if err := WriteFolder(committed, "Holdfast"); err != nil {
			t.Fatal(err)
		}
	}
	want := files(t, "Holdfast")
	var found []string
	err := filepath.WalkDir(committed, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(committed, path)
		if err != nil {
			return err
		}
		found = append(found, filepath.ToSlash(name))
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(string(got), string(want[filepath.ToSlash(name)])); diff != "" {
			t.Errorf("%s differs (-committed +generated); look at it, then go test ./installer/policy -update:\n%s", path, diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if diff := cmp.Diff([]string{"Holdfast.admx", "en-US/Holdfast.adml", "zh-CN/Holdfast.adml"}, found); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestZip(t *testing.T) {
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := WriteZip(b, "Shop"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same name gives other bytes")
	}
	archive, err := zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want := files(t, "Shop")
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, want[strings.TrimPrefix(f.Name, "PolicyDefinitions/")]) {
			t.Errorf("%s has another content: %v", f.Name, err)
		}
	}
	if diff := cmp.Diff([]string{"PolicyDefinitions/Shop.admx", "PolicyDefinitions/en-US/Shop.adml", "PolicyDefinitions/zh-CN/Shop.adml"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestBadNames(t *testing.T) {
	for _, name := range []string{"", "a b", `a\b`, "../x", "Policies"} {
		if _, err := Files(name); err == nil || !strings.Contains(err.Error(), "policy templates: name ") {
			t.Errorf("%q: %v", name, err)
		}
		if err := WriteZip(io.Discard, name); err == nil {
			t.Errorf("%q is packed", name)
		}
	}
	if err := WriteFolder(filepath.Join(t.TempDir(), "none", "policy"), "Shop"); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFolder(file, "Shop"); err == nil {
		t.Error("a file is taken for a folder")
	}
}

// TestAnotherName has the name of a packed product wherever it shows or decides something.
func TestAnotherName(t *testing.T) {
	for name, data := range files(t, "Shop-2.eu") {
		text := string(data)
		if strings.Contains(text, `Policies\Holdfast`) || strings.Contains(text, "Policies.Holdfast") || strings.Contains(text, "{name}") {
			t.Errorf("%s is about Holdfast itself", name)
		}
		if strings.HasSuffix(name, ".admx") && !strings.Contains(text, `key="SOFTWARE\Policies\Shop-2.eu"`) {
			t.Errorf("%s has another registry key", name)
		}
	}
}
