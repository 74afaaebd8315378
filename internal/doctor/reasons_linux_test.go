package doctor

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write configs/TROUBLESHOOTING.md anew")

// TestReasons keeps the page in step with the table, and the table with what Holdfast really says.
func TestReasons(t *testing.T) {
	top := filepath.Join("..", "..")
	for _, r := range Reasons() {
		if r.Cure == "" || len(r.Told) == 0 {
			t.Errorf("%s: nothing is told, or no cure", r.Name)
		}
		proof, err := os.ReadFile(filepath.Join(top, r.Proof))
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		// A story has regular expressions, a test may have Go's quoted strings.
		text := strings.NewReplacer(`\`, "").Replace(string(proof))
		for _, told := range r.Told {
			if !strings.Contains(text, told) {
				t.Errorf("%s: %s does not show that Holdfast says %q", r.Name, r.Proof, told)
			}
		}
	}
	var page strings.Builder
	if err := WriteTroubleshooting(&page); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(top, "configs", "TROUBLESHOOTING.md")
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./internal/doctor -update writes it", err)
	}
	if diff := cmp.Diff(string(have), page.String()); diff != "" {
		t.Errorf("%s is out of date, run go test ./internal/doctor -update (-want +got):\n%s", file, diff)
	}
}
