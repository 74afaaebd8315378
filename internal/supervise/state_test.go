package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

func TestStateSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "apps.json")
	first := kept{file: file}
	if err := first.load(); err != nil {
		t.Fatalf("no file yet: %v", err)
	}
	want := map[string]keptApp{
		"shop": {Scaled: &keptScale{Instances: 5, Configured: 2}},
		"站点":   {Maintenance: &status.Maintenance{Since: time.Unix(1e9, 0).UTC(), Until: time.Unix(2e9, 0).UTC(), Note: "新硬盘"}},
	}
	for name, a := range want {
		if err := first.set(name, func(k *keptApp) { *k = a }); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.set("gone", func(*keptApp) {}); err != nil {
		t.Fatal(err)
	}
	second := kept{file: file}
	if err := second.load(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, second.all()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if left, err := filepath.Glob(file + "?*"); err != nil || left != nil {
		t.Errorf("left over: %v %v", left, err)
	}
}

func TestStateThatCannotBeWrittenChangesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := kept{file: filepath.Join(dir, "state", "apps.json")} // below a file
	err := k.set("shop", func(a *keptApp) { a.Scaled = &keptScale{Instances: 5} })
	if err == nil || !strings.Contains(err.Error(), "right to write there") {
		t.Errorf("err = %v", err)
	}
	if k.app("shop").Scaled != nil {
		t.Error("it is kept in memory all the same")
	}
}

func TestStateHasABound(t *testing.T) {
	k := kept{file: filepath.Join(t.TempDir(), "apps.json")}
	err := k.edit(func(apps map[string]keptApp) {
		for n := range 20000 {
			apps[label("app", n)] = keptApp{Scaled: &keptScale{Instances: 5}}
		}
	})
	if err == nil {
		t.Error("a file without bound was written")
	}
}

func TestParseState(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "unexpected end"},
		{"cut off", `{"version": 1, "apps": {"shop"`, "unexpected end"},
		{"zeros", strings.Repeat("\x00", 100), "invalid character"},
		{"newer", `{"version": 2}`, "its version is 2, and this Holdfast knows 1"},
		{"negative", `{"version": 1, "apps": {"shop": {"scaled": {"instances": -1}}}}`, `app "shop": scaled from 0 to -1 instances: there are 0 to 1000`},
		{"too many", `{"version": 1, "apps": {"shop": {"scaled": {"instances": 1001}}}}`, "1001 instances"},
		{"long note", `{"version": 1, "apps": {"shop": {"maintenance": {"since": "2026-01-01T00:00:00Z", "note": "` + strings.Repeat("x", 501) + `"}}}}`, "more than 500 characters"},
		{"too large", `{"version": 1}` + strings.Repeat(" ", maxState), "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseState([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"version": 1, "apps": {"shop": {"scaled": {"instances": 5, "configured": 2}, "maintenance": {"since": "2026-01-01T00:00:00Z", "note": "x"}}}}`))
	f.Add([]byte(`{"version": 1, "apps": null}`))
	f.Add([]byte(`{"version": 1, "apps": {"": {"maintenance": {"until": "9999-12-31T23:59:59Z"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		apps, err := parseState(data)
		if err != nil {
			return
		}
		k := kept{file: filepath.Join(t.TempDir(), "apps.json")}
		if err := k.edit(func(next map[string]keptApp) {
			for name, a := range apps {
				next[name] = a
			}
		}); err != nil {
			return // what was read need not fit when it is written with more blanks
		}
		again := kept{file: k.file}
		if err := again.load(); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}

func TestSetAside(t *testing.T) {
	k := kept{file: filepath.Join(t.TempDir(), "apps.json")}
	if err := os.WriteFile(k.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.load(); err == nil {
		t.Fatal("half a file was read")
	}
	aside, err := k.setAside()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(aside); err != nil || string(data) != "{" {
		t.Errorf("%s: %q %v", aside, data, err)
	}
	if _, err := os.Stat(k.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file is still in the way: %v", err)
	}
}
