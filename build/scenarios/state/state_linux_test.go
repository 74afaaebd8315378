package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestALinkIsNotFollowed(t *testing.T) {
	root := t.TempDir()
	if err := os.Symlink(filepath.Dir(root), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	got := State{}
	if err := got.AddFiles(root, `C:\Data`); err != nil {
		t.Fatal(err)
	}
	want := State{`folder C:\Data`: "there", `link C:\Data\link`: filepath.Dir(root)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
