package service

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// folder looks at dir as it is, without following links.
func (windowsHost) folder(dir, sddl string) (folder, error) {
	e, err := LookAt(dir)
	switch {
	case err != nil:
		return folder{}, err
	case !e.Exists:
		return folder{}, nil
	case e.Link:
		return folder{exists: true, link: true}, nil
	case !e.Folder:
		return folder{}, errors.New("is no folder")
	}
	want, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return folder{}, err
	}
	private := e.Access != "" && e.Access == accessText(want)
	return folder{exists: true, owner: e.Owner, trusted: e.Trusted, private: private}, nil
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

// protectFolder leaves the installer's own folder as it is: nobody but administrators may read it.
func (windowsHost) protectFolder(dir, sddl string) error { return Lock(dir, sddl, setupFolder) }
