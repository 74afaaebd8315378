package doctor

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// File follows links; its mode means nothing here.
func (local) File(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	return File{Folder: info.IsDir(), Mode: info.Mode(), ModTime: info.ModTime(), UID: -1, GID: -1}, nil
}

// Write makes a file and removes it: an access list alone does not tell.
func (local) Write(dir string) error {
	f, err := os.CreateTemp(dir, ".holdfast-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Disk is the volume of a path; quotas of this account count.
func (local) Disk(path string) (Disk, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return Disk{}, err
	}
	var d Disk
	if err := windows.GetDiskFreeSpaceEx(name, &d.Free, &d.Total, nil); err != nil {
		return Disk{}, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: path, Err: err}
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(path) + `\`)
	if err != nil {
		return Disk{}, err
	}
	const readOnlyVolume = 0x80000 // FILE_READ_ONLY_VOLUME
	var flags uint32
	if err := windows.GetVolumeInformation(root, nil, 0, nil, nil, &flags, nil, 0); err == nil {
		d.ReadOnly = flags&readOnlyVolume != 0
	}
	return d, nil
}

// Account has no meaning here: access lists decide.
func (local) Account(name string) (Account, error) { return Account{Name: name}, nil }

// OpenFiles has no bound here.
func (local) OpenFiles(int) (uint64, error) { return 1 << 20, nil }

// LongPaths reads the machine's setting
// (learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation).
func (local) LongPaths() (bool, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\FileSystem`, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer key.Close() //nolint:errcheck // only read
	n, _, err := key.GetIntegerValue("LongPathsEnabled")
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	return n == 1, err
}

// Me is who looks, and whether that is an administrator with all rights.
func Me() (account string, admin bool) {
	admin = windows.GetCurrentProcessToken().IsElevated()
	u, err := user.Current()
	if err != nil {
		return "this account", admin
	}
	return u.Username, admin
}
