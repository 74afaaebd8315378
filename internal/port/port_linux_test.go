package port

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRights reads the forms of /proc/self/status that matter.
func TestRights(t *testing.T) {
	for _, tt := range []struct {
		name, status, from string
		want               Rights
	}{
		{"ordinary user", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n", "", Rights{From: 1024}},
		{"root", "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nCapAmb:\t0000000000000000\n", "", Rights{1024, true, true}},
		{"root without the right", "Uid:\t0\t0\t0\t0\nCapEff:\t00000000000001ff\nCapAmb:\t0000000000000000\n", "", Rights{From: 1024}},
		{"ambient", "Uid:\t998\t998\t998\t998\nCapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n", "", Rights{1024, true, true}},
		{"of the file alone", "Uid:\t998\t998\t998\t998\nCapEff:\t0000000000000400\nCapAmb:\t0000000000000000\n", "", Rights{1024, true, false}},
		{"everybody may", "", "80\n", Rights{From: 80}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "self", "status"), tt.status)
			if tt.from != "" {
				put(t, filepath.Join(dir, "sys", "net", "ipv4", "ip_unprivileged_port_start"), tt.from)
			}
			if got := (linux{dir}).rights(); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestParseStat(t *testing.T) {
	const tail = " S 10 20 30 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4711 1 1"
	for _, name := range []string{"sh", "a) S 1 (b", ""} {
		got, ok := parseStat(7, []byte("7 ("+name+")"+tail))
		if want := (process{pid: 7, parent: 10, session: 30, started: 4711}); !ok || got != want {
			t.Errorf("%q: %+v %v, want %+v", name, got, ok, want)
		}
	}
	for _, text := range []string{"", "7 (x) S 1", "7 (x)" + " S x 20 30 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4711 1 1"} {
		if got, ok := parseStat(7, []byte(text)); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func tellsOwner() bool { return true }
