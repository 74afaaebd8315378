package simulate_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/msi/simulate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a printed trace with testdata.
func golden(t *testing.T, name string, trace simulate.Trace) {
	t.Helper()
	var out strings.Builder
	if err := trace.Write(&out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew\n%s", file, diff)
	}
}

func TestWrite(t *testing.T) {
	golden(t, "sample-rollback", run(t, sample.New(t), simulate.Options{
		Scenario: simulate.Rollback, UILevel: simulate.Full, Properties: given("HF_PROT=1", `INSTALLDIR=D:\My Apps`),
		Installed: &simulate.Installed{Version: "1.0.0", Properties: given("HF_PORT=9000")},
	}))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteFails(t *testing.T) {
	trace := run(t, sample.New(t), simulate.Options{Scenario: simulate.Install})
	if err := trace.Write(brokenWriter{}); err == nil {
		t.Error("no error")
	}
}
