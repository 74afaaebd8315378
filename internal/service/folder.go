package service

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// setupFolder is where, in a data folder, the installer keeps what it remembers.
const setupFolder = "setup"

// SetupDir is the installer's own folder in the data folder.
func (id Identity) SetupDir() string { return filepath.Join(id.DataDir(), setupFolder) }

// folderMax leaves room, within the 260 characters of most Windows programs, for what is put below.
const folderMax = 180

// CheckFolder tells whether dir can be a folder of an installation on Windows: the full path of a
// folder on a drive, in its plain form, so that it means the same to everybody who reads it. A final
// backslash is allowed. It does not look at the disk.
func CheckFolder(dir string) error {
	wrong := func(why string) error { return fmt.Errorf("folder %q: %s", dir, why) }
	if !utf8.ValidString(dir) || strings.ContainsRune(dir, utf8.RuneError) {
		return wrong("it has characters that are no text")
	}
	if n := len(utf16.Encode([]rune(dir))); n > folderMax {
		return wrong(fmt.Sprintf("it has %d characters; at most %d leave room for what is put below", n, folderMax))
	}
	if len(dir) < 3 || !isLetter(dir[0]) || dir[1] != ':' || dir[2] != '\\' {
		return wrong(`write a full path on a local drive, such as C:\ProgramData\Holdfast`)
	}
	below := strings.TrimSuffix(dir[3:], `\`)
	if below == "" {
		return wrong("it is a whole drive; name a folder on it")
	}
	for part := range strings.SplitSeq(below, `\`) {
		if err := checkPart(part); err != nil {
			return wrong(err.Error())
		}
	}
	return nil
}

// checkPart refuses what Windows would read as something else than a name
// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
func checkPart(part string) error {
	switch {
	case part == "":
		return errors.New("leave out the doubled backslash")
	case part == "." || part == "..":
		return errors.New(`write it without "." and ".."`)
	case strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("it has a control character")
	case strings.ContainsAny(part, `<>:"/|?*`):
		return errors.New(`leave out < > : " / | ? *`)
	case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || strings.HasPrefix(part, " "):
		return fmt.Errorf("%q begins with a blank, or ends with a blank or dot, which Windows drops", part)
	case device(part):
		return fmt.Errorf("%q is the name of a device", part)
	}
	return nil
}

// device tells names that stand for a device in every folder, with or without an extension.
func device(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	stem = strings.TrimRight(stem, " ")
	if slices.Contains([]string{"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}, stem) {
		return true
	}
	number, com := strings.CutPrefix(stem, "com")
	if !com {
		number, com = strings.CutPrefix(stem, "lpt")
	}
	return com && slices.Contains([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, number)
}

// TrustedOwner tells whether the account with this SID is the machine itself: SYSTEM, Administrators
// or TrustedInstaller. What it owns, no ordinary user can change the access list of.
func TrustedOwner(sid string) bool {
	const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
	return slices.Contains([]string{"S-1-5-18", "S-1-5-32-544", trustedInstaller}, sid)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
