package service

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// shareAll lets others do what they like meanwhile; sharePinned keeps a folder where it is: nobody can
// rename or delete it, nor a folder above it, until the handle is closed. Windows heeds it only on
// handles that can read, write or delete.
const (
	shareAll    = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	sharePinned = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE
)

// LookAt looks at path as it is. Nothing there is no error.
func LookAt(path string) (Entry, error) {
	h, err := openEntry(path, windows.READ_CONTROL|windows.FILE_READ_ATTRIBUTES, shareAll)
	if errors.Is(err, os.ErrNotExist) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("look at %s: %w", path, scmError(err))
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	e, err := entryOf(h, len(path) == len(`C:\`))
	if err != nil {
		return Entry{}, fmt.Errorf("look at %s: %w", path, scmError(err))
	}
	return e, nil
}

// openEntry opens what is at path itself, folder, file or link. Should a link above it lead to a pipe,
// its server cannot act in our name.
func openEntry(path string, access, share uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	return windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.SECURITY_SQOS_PRESENT|windows.SECURITY_ANONYMOUS, 0)
}

func entryOf(h windows.Handle, drive bool) (Entry, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return Entry{}, err
	}
	e := Entry{
		Exists: true,
		Folder: info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0,
		Link:   info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0,
		Names:  int(info.NumberOfLinks),
	}
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return Entry{}, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return Entry{}, err
	}
	e.Owner, e.Trusted = accountName(owner), trusted(owner)
	e.Access = accessText(sd)
	list, err := entriesOf(sd)
	if err != nil {
		return Entry{}, err
	}
	e.judge(list, drive)
	for _, groups := range [][]string{e.Replacers, e.Writers, e.Heirs} {
		for i, sid := range groups {
			if s, err := windows.StringToSid(sid); err == nil {
				groups[i] = accountName(s)
			}
		}
	}
	return e, nil
}

// entriesOf are the entries of sd's access list. No list at all means that everybody may do anything.
func entriesOf(sd *windows.SECURITY_DESCRIPTOR) ([]ace, error) {
	dacl, _, err := sd.DACL()
	if dacl == nil {
		return []ace{{true, inheritedByFiles | inheritedByFolders, genericAll, "S-1-1-0"}}, nil //nolint:nilerr // no list is told as an error
	}
	if err != nil {
		return nil, err
	}
	var list []ace
	for i := range dacl.AceCount {
		var found *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, uint32(i), &found); err != nil {
			return nil, err
		}
		switch found.Header.AceType {
		case windows.ACCESS_ALLOWED_ACE_TYPE, windows.ACCESS_DENIED_ACE_TYPE:
			sid := (*windows.SID)(unsafe.Pointer(&found.SidStart)) //nolint:gosec // where the structure has its SID
			list = append(list, ace{
				found.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE, found.Header.AceFlags, uint32(found.Mask), sid.String(),
			})
		}
	}
	return list, nil
}

// accessText is the access list alone, in SDDL: it is the same text for the same list.
func accessText(sd *windows.SECURITY_DESCRIPTOR) string {
	dacl, _, err := sd.DACL()
	if err != nil {
		return ""
	}
	only, err := windows.NewSecurityDescriptor()
	if err != nil {
		return ""
	}
	control, _, err := sd.Control()
	if err != nil || only.SetDACL(dacl, true, false) != nil ||
		only.SetControl(windows.SE_DACL_PROTECTED, control&windows.SE_DACL_PROTECTED) != nil {
		return ""
	}
	return only.String()
}

// lockMax bounds how much may be in a folder that is locked.
const lockMax = 1_000_000

// Lock gives dir the access list sddl and everything below what it inherits of it, but for folders
// named spare directly in dir. It goes from the top down and by handles, so that nobody can put
// anything in its way. A link, and a file that has a second name, may be somebody else's: its own
// access list is left as it is, and it is not followed. In folders that strangers could write to, Lock
// stops at what they own.
func Lock(dir, sddl string, spare ...string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("access list %s: %w", sddl, err)
	}
	l := locker{left: lockMax, spare: spare}
	return l.lock(dir, sd, lockedRoot)
}

// locked is what is being locked.
type locked int

const (
	lockedFile locked = iota
	lockedFolder
	lockedRoot
)

type locker struct {
	left  int
	spare []string
	loose bool // strangers could write to the folder that is looked through, or to one above it
}

func (l *locker) lock(path string, sd *windows.SECURITY_DESCRIPTOR, what locked) error {
	if l.left--; l.left < 0 {
		return fmt.Errorf("there is too much in the folder (%s is beyond %d entries); move it elsewhere", path, lockMax)
	}
	access, share := uint32(windows.READ_CONTROL|windows.WRITE_DAC|windows.FILE_READ_ATTRIBUTES), uint32(shareAll)
	if what != lockedFile {
		access, share = access|windows.FILE_LIST_DIRECTORY, sharePinned
	}
	h, err := openEntry(path, access, share)
	if err != nil {
		return fmt.Errorf("%s: %w", path, scmError(err))
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	e, err := entryOf(h, false)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if what == lockedRoot {
		l.loose = e.Loose()
	}
	switch {
	case what == lockedRoot && e.Link:
		return fmt.Errorf("%s is a link to another place; remove it", path)
	case e.Folder && what == lockedFile:
		return fmt.Errorf("%s was a file a moment ago and is a folder; run this again", path)
	case e.Link || !e.Folder && e.Names > 1:
		return nil
	case l.loose && !e.Trusted:
		return fmt.Errorf("%s belongs to %s, who could change what the service reads; look at it and remove it", path, e.Owner)
	}
	if err := windows.SetKernelObjectSecurity(h, windows.DACL_SECURITY_INFORMATION, sd); err != nil {
		return fmt.Errorf("%s: %w", path, scmError(err))
	}
	if !e.Folder {
		return nil
	}
	above := l.loose
	l.loose = above || e.Loose()
	err = l.lockBelow(path, sd, what == lockedRoot)
	l.loose = above
	return err
}

func (l *locker) lockBelow(dir string, sd *windows.SECURITY_DESCRIPTOR, root bool) error {
	children, err := os.ReadDir(dir)
	if err != nil || len(children) == 0 {
		return err
	}
	list, err := entriesOf(sd)
	if err != nil {
		return err
	}
	folders, err := windows.SecurityDescriptorFromString(inheritedSDDL(list, inheritedByFolders))
	if err != nil {
		return err
	}
	files, err := windows.SecurityDescriptorFromString(inheritedSDDL(list, inheritedByFiles))
	if err != nil {
		return err
	}
	for _, c := range children {
		if root && l.spared(c.Name()) {
			continue
		}
		inherits, what := files, lockedFile
		if c.IsDir() {
			inherits, what = folders, lockedFolder
		}
		if err := l.lock(filepath.Join(dir, c.Name()), inherits, what); err != nil {
			return err
		}
	}
	return nil
}

func (l *locker) spared(name string) bool {
	for _, s := range l.spare {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}
