package service

import (
	"fmt"
	"slices"
	"strings"
)

// Entry is what is at one path of a Windows machine, seen without following links. LookAt makes one.
type Entry struct {
	Exists bool
	Folder bool
	// Link says that it is a reparse point: a junction, a symbolic link, or the like.
	Link bool
	// Names counts the names of a file; with more than one it may be somebody else's file, too.
	Names int
	// Owner is who owns it; Trusted says that this is the machine itself (TrustedOwner), or the
	// administrator who asks.
	Owner   string
	Trusted bool
	// Access is its access list, in SDDL.
	Access string

	// Groups of ordinary users that the access list lets do more than read: Replacers may delete or
	// rename it or what is directly in it, or change the list; Writers may write to it; Heirs could
	// write to what is made in it.
	Replacers, Writers, Heirs []string
}

// Loose tells of a folder whether ordinary users could have put something into it.
func (e Entry) Loose() bool { return len(e.Writers)+len(e.Heirs) > 0 }

// ace is one entry of an access list.
type ace struct {
	allow bool
	flags uint8
	mask  uint32
	sid   string
}

// Flags and rights of entries (winnt.h).
const (
	inheritedByFiles   = 0x1
	inheritedByFolders = 0x2
	inheritOnly        = 0x8

	rightWriteData   = 0x2 // in a folder: make files
	rightAppendData  = 0x4 // in a folder: make folders
	rightDeleteChild = 0x40
	rightDelete      = 0x10000
	rightWriteDAC    = 0x40000
	rightWriteOwner  = 0x80000
	genericWrite     = 0x40000000
	genericAll       = 0x10000000

	replaceRights = rightDeleteChild | rightDelete | rightWriteDAC | rightWriteOwner | genericAll
	writeRights   = replaceRights | rightWriteData | rightAppendData | genericWrite
)

// judge finds the groups of ordinary users in an access list that may change something. Entries that
// deny are not believed: their order decides, and a list without the right to deny needs none. The
// root of a drive cannot be deleted, whoever has the right to.
func (e *Entry) judge(list []ace, root bool) {
	replace := uint32(replaceRights)
	if root {
		replace &^= rightDelete
	}
	for _, a := range list {
		if !a.allow || !anybody(a.sid) {
			continue
		}
		if a.flags&inheritOnly == 0 {
			e.Replacers = noteGroup(e.Replacers, a, replace)
			e.Writers = noteGroup(e.Writers, a, writeRights)
		}
		if a.flags&(inheritedByFiles|inheritedByFolders) != 0 {
			e.Heirs = noteGroup(e.Heirs, a, writeRights)
		}
	}
}

func noteGroup(groups []string, a ace, rights uint32) []string {
	if a.mask&rights == 0 || slices.Contains(groups, a.sid) {
		return groups
	}
	return append(groups, a.sid)
}

// anybody tells groups that ordinary users, guests or programs in a sandbox are in. Accounts and
// groups that an organisation has made are its own decision
// (learn.microsoft.com/windows-server/identity/ad-ds/manage/understand-security-identifiers).
func anybody(sid string) bool {
	switch sid {
	case "S-1-1-0", "S-1-2-0", "S-1-2-1", "S-1-5-2", "S-1-5-3", "S-1-5-4", "S-1-5-7", "S-1-5-11", "S-1-5-13", "S-1-5-14", "S-1-5-15",
		"S-1-5-113", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-547", "S-1-15-2-1", "S-1-15-2-2":
		return true
	}
	if !strings.HasPrefix(sid, "S-1-5-21-") {
		return false
	}
	switch sid[strings.LastIndexByte(sid, '-'):] {
	case "-501", "-513", "-514", "-515": // Guest; the domain's users, guests and computers
		return true
	}
	return false
}

// inheritedSDDL is the access list that a file (inheritedByFiles) or folder (inheritedByFolders) gets
// from a folder with this list.
func inheritedSDDL(list []ace, kind uint8) string {
	var b strings.Builder
	b.WriteString("D:ARAI")
	for _, a := range list {
		if a.flags&kind == 0 {
			continue
		}
		t, flags := "D", "ID"
		if a.allow {
			t = "A"
		}
		if kind == inheritedByFolders {
			flags = "CIID"
			if a.flags&inheritedByFiles != 0 {
				flags = "OICIID"
			}
		}
		fmt.Fprintf(&b, "(%s;%s;0x%x;;;%s)", t, flags, a.mask, a.sid)
	}
	return b.String()
}
