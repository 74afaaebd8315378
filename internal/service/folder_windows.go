package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// folder looks at dir as it is, without following links.
func (windowsHost) folder(dir, sddl string) (folder, error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return folder{}, nil
	}
	if err != nil {
		return folder{}, scmError(err)
	}
	f := folder{exists: true}
	if sys, ok := info.Sys().(*syscall.Win32FileAttributeData); ok && sys.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		f.link = true
		return f, nil
	}
	if !info.IsDir() {
		return folder{}, errors.New("is no folder")
	}
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return folder{}, scmError(err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return folder{}, err
	}
	f.owner = accountName(owner)
	f.trusted = trusted(owner)
	want, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return folder{}, err
	}
	f.private = sameAccess(sd, want)
	return f, nil
}

// trusted tells whether owner is one of the machine itself, or the administrator who installs: they
// name the service's program anyway.
func trusted(owner *windows.SID) bool {
	if TrustedOwner(owner.String()) {
		return true
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && windows.GetCurrentProcessToken().IsElevated() && owner.Equals(me.User.Sid)
}

func accountName(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return sid.String()
	}
	return domain + `\` + account
}

// sameAccess compares access lists by their text: it is the same for the same list.
func sameAccess(a, b *windows.SECURITY_DESCRIPTOR) bool {
	list := func(sd *windows.SECURITY_DESCRIPTOR) string {
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
	return list(a) != "" && list(a) == list(b)
}

// makeFolder creates dir with its access list from the first moment, so that nobody can get in
// between.
func (windowsHost) makeFolder(dir, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString("O:BA" + sddl)
	if err != nil {
		return fmt.Errorf("access list %s: %w", sddl, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return scmError(err)
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	return scmError(windows.CreateDirectory(path, &sa))
}

func (windowsHost) protectFolder(dir, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("access list %s: %w", sddl, err)
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return scmError(windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil))
}
