package service

import (
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	const (
		everyone = "S-1-1-0"
		users    = "S-1-5-32-545"
		logged   = "S-1-5-11" // Authenticated Users
		admins   = "S-1-5-32-544"
		full     = 0x1f01ff
		modify   = 0x1301bf
		read     = 0x1200a9
		both     = inheritedByFiles | inheritedByFolders
	)
	tests := []struct {
		name                      string
		list                      []ace
		replacers, writers, heirs string
		root                      bool
	}{
		{name: "nothing"},
		{name: "Program Files", list: []ace{
			{true, both, full, "S-1-5-18"}, {true, both, full, admins}, {true, both, read, users}, {true, both | inheritOnly, genericAll, "S-1-3-0"}, {true, both, read, "S-1-15-2-1"},
		}},
		// Users may make files and folders in it, but not rename or delete those of others.
		{name: "ProgramData", list: []ace{{true, both, full, admins}, {true, both, read, users}, {true, inheritedByFolders, 0x116, users}}, writers: users, heirs: users},
		{name: "the root of a drive", list: []ace{{true, both | inheritOnly, modify, logged}, {true, 0, 0x4, logged}}, writers: logged, heirs: logged},
		{name: "the root of a drive for data", root: true, list: []ace{{true, 0, modify, logged}, {true, both | inheritOnly, modify, logged}}, writers: logged, heirs: logged},
		{name: "a root in which everybody may delete", root: true, list: []ace{{true, 0, full, everyone}}, replacers: everyone, writers: everyone},
		{name: "a folder below it", list: []ace{{true, both, modify, logged}}, replacers: logged, writers: logged, heirs: logged},
		{name: "whoever may change the list", list: []ace{{true, 0, rightWriteDAC, users}}, replacers: users, writers: users},
		{name: "an organisation's own group", list: []ace{{true, both, full, "S-1-5-21-1-2-3-1104"}}},
		{name: "a domain's users", list: []ace{{true, 0, full, "S-1-5-21-1-2-3-513"}}, replacers: "S-1-5-21-1-2-3-513", writers: "S-1-5-21-1-2-3-513"},
		{name: "named twice", list: []ace{{true, 0, rightDelete, everyone}, {true, 0, full, everyone}}, replacers: everyone, writers: everyone},
		{name: "denied is not granted", list: []ace{{false, both, full, everyone}}},
		{name: "denied first, granted after", list: []ace{{false, both, full, everyone}, {true, 0, genericWrite, everyone}}, writers: everyone},
	}
	for _, tt := range tests {
		var e Entry
		e.judge(tt.list, tt.root)
		got := [3]string{strings.Join(e.Replacers, " "), strings.Join(e.Writers, " "), strings.Join(e.Heirs, " ")}
		if want := [3]string{tt.replacers, tt.writers, tt.heirs}; got != want {
			t.Errorf("%s: replacers, writers, heirs: got %q, want %q", tt.name, got, want)
		}
	}
}

func TestInheritedSDDL(t *testing.T) {
	list := []ace{
		{true, inheritedByFiles | inheritedByFolders, 0x1f01ff, "S-1-5-18"},
		{true, 0, 0x1201bf, "S-1-5-80-1"},
		{true, inheritedByFiles | inheritedByFolders | inheritOnly, 0x1301bf, "S-1-5-80-1"},
		{false, inheritedByFolders, 0x1, "S-1-1-0"},
	}
	for kind, want := range map[uint8]string{
		inheritedByFiles:   "D:ARAI(A;ID;0x1f01ff;;;S-1-5-18)(A;ID;0x1301bf;;;S-1-5-80-1)",
		inheritedByFolders: "D:ARAI(A;OICIID;0x1f01ff;;;S-1-5-18)(A;OICIID;0x1301bf;;;S-1-5-80-1)(D;CIID;0x1;;;S-1-1-0)",
	} {
		if got := inheritedSDDL(list, kind); got != want {
			t.Errorf("kind %d: got %s, want %s", kind, got, want)
		}
	}
}

func TestLoose(t *testing.T) {
	for _, tt := range []struct {
		e    Entry
		want bool
	}{
		{Entry{}, false},
		{Entry{Replacers: []string{"Users"}}, false}, // there is always a writer with such a right
		{Entry{Writers: []string{"Users"}}, true},
		{Entry{Heirs: []string{"Users"}}, true},
	} {
		if got := tt.e.Loose(); got != tt.want {
			t.Errorf("%+v: got %t", tt.e, got)
		}
	}
}
