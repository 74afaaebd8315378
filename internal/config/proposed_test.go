package config

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProposed checks what a file would do before it is written or removed.
func TestProposed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "holdfast.yaml")
	write(t, file, "version: 1\n")
	write(t, filepath.Join(dir, "conf.d", "b.yaml"), "apps: {b: {command: [app], port: none}}\n")
	for _, tt := range []struct {
		name     string
		proposed map[string][]byte
		want     []string
		errors   int
	}{
		{"none", nil, []string{"b"}, 0},
		{"a new file", map[string][]byte{"a.yaml": []byte("apps: {a: {command: [app], port: none}}\n")}, []string{"a", "b"}, 0},
		{"a changed file", map[string][]byte{"b.yaml": []byte("apps: {c: {command: [app], port: none}}\n")}, []string{"c"}, 0},
		{"a removed file", map[string][]byte{"b.yaml": nil}, nil, 0},
		{"an error", map[string][]byte{"a.yaml": []byte("apps: {a: {}}\n")}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, problems := Load(Options{File: file, Proposed: tt.proposed})
			if problems.Errors() != tt.errors {
				t.Fatalf("%s", rendered(t, problems))
			}
			if s == nil {
				return
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(s.Config.Apps))); diff != "" {
				t.Errorf("apps (-want +got):\n%s", diff)
			}
		})
	}
}
