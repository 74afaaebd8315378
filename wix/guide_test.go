package wix_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guide is the administrator's guide.
func guide(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The guide's table of properties has those that the package takes, and says of each whether it is
// remembered.
func TestGuideHasEveryProperty(t *testing.T) {
	taken := map[string]string{}
	all, _ := elements(t, "properties.wxs")
	for _, e := range all {
		id := e.attrs["Id"]
		switch name, old := strings.CutSuffix(id, "_OLD"); {
		case e.name != "Property" || e.attrs["Secure"] != "yes" || id == "HF_FAILAT": // which is for tests
		case old:
			taken[name] = "yes"
		case taken[id] == "":
			taken[id] = "no"
		}
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|.*\\| (yes|no) \\|$").FindAllStringSubmatch(guide(t), -1) {
		told[row[1]] = row[2]
	}
	if diff := cmp.Diff(taken, told); diff != "" {
		t.Errorf("properties that are remembered (-package +guide):\n%s", diff)
	}
}

// Proofs and pages that the guide names are there.
func TestGuideNamesWhatIsThere(t *testing.T) {
	text := guide(t)
	named := map[string]bool{}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(text, -1) {
		named[name[1]] = true
	}
	if len(named) == 0 {
		t.Error("the guide names no test")
	}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "out" || entry.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		for _, name := range declared.FindAllSubmatch(data, -1) {
			delete(named, string(name[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(named) > 0 {
		t.Errorf("no such tests: %s", strings.Join(slices.Sorted(maps.Keys(named)), ", "))
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.FromSlash(link[1])); err != nil {
			t.Errorf("link: %v", err)
		}
	}
}
