package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/internal/service"
)

// ntfs is the file system, through handles that do not follow links.
type ntfs struct {
	// patience is how long to try again what another program keeps from being done: scanners and
	// indexers open every new file for a moment.
	patience time.Duration
}

const (
	shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	// sharePinned keeps a file or folder where it is while it is open.
	sharePinned = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE
	// itself opens folders, too, and a link instead of what it leads to. Should a link above it lead to a
	// pipe, its server cannot act in our name.
	itself = windows.FILE_FLAG_BACKUP_SEMANTICS | windows.FILE_FLAG_OPEN_REPARSE_POINT | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_ANONYMOUS
)

// open opens what is at path itself, whatever it is.
func open(path string, access, share, disposition uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	h, err := windows.CreateFile(name, access, share, nil, disposition, itself, 0)
	if err != nil {
		return 0, err
	}
	return h, nil
}

func closeHandle(h windows.Handle) { _ = windows.CloseHandle(h) } // nothing can be done

// openFile opens a plain file with one name.
func openFile(path string, access, disposition uint32) (*os.File, error) {
	h, err := open(path, access|windows.FILE_READ_ATTRIBUTES, shareAll, disposition)
	if err != nil {
		return nil, err
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		closeHandle(h)
		return nil, err
	}
	switch {
	case info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		err = errors.New("it is a link to another place")
	case info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		err = errors.New("it is a folder")
	case info.NumberOfLinks > 1:
		err = errors.New("it has a second name elsewhere (a hard link)")
	default:
		return os.NewFile(uintptr(h), path), nil
	}
	closeHandle(h)
	return nil, err
}

func (ntfs) Look(path string) (service.Entry, error) { return service.LookAt(path) }

func (ntfs) Volume(root string) (volume, error) {
	name, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return volume{}, err
	}
	var flags uint32
	if err := windows.GetVolumeInformation(name, nil, 0, nil, nil, &flags, nil, 0); err != nil {
		return volume{}, err
	}
	return volume{
		Fixed:       windows.GetDriveType(name) == windows.DRIVE_FIXED,
		AccessLists: flags&windows.FILE_PERSISTENT_ACLS != 0,
	}, nil
}

func (ntfs) Full(path string) (string, error) {
	from, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return "", err
	}
	b := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetLongPathName(from, &b[0], uint32(len(b))) //nolint:gosec // a path
	if err != nil {
		return "", err
	}
	if int(n) > len(b) {
		return "", windows.ERROR_FILENAME_EXCED_RANGE
	}
	return windows.UTF16ToString(b[:n]), nil
}

func (ntfs) List(dir string, most int) ([]string, error) {
	f, err := os.Open(dir) //nolint:gosec // one of our folders, looked at before
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	names, err := f.Readdirnames(most + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > most {
		return nil, fmt.Errorf("%s has more than %d entries", dir, most)
	}
	return names, nil
}

func (ntfs) Read(path string, limit int64) ([]byte, error) {
	f, err := openFile(path, windows.GENERIC_READ, windows.OPEN_EXISTING)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return data, err
}

func (ntfs) Tail(path string, limit int64) ([]byte, error) {
	f, err := openFile(path, windows.GENERIC_READ, windows.OPEN_EXISTING)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-limit), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// Write makes a new file and gives it the other's name: at no time is there half a file, and what had
// the name before is not written to, whatever it is.
func (d ntfs) Write(path string, data []byte) error {
	next := path + ".tmp"
	if err := d.Remove(next); err != nil {
		return err
	}
	f, err := openFile(next, windows.GENERIC_WRITE, windows.CREATE_NEW)
	if err != nil {
		return fmt.Errorf("%s: %w", next, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = d.patiently(func() error {
			return rename(next, path, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		})
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), d.Remove(next))
	}
	return nil
}

func rename(from, to string, flags uint32) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(f, t, flags)
}

func (ntfs) Append(path string, data []byte, limit int64) error {
	f, err := openFile(path, windows.FILE_APPEND_DATA, windows.OPEN_ALWAYS)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 && info.Size()+int64(len(data)) > limit {
		if err = errors.Join(f.Close(), rename(path, path+".1", windows.MOVEFILE_REPLACE_EXISTING)); err != nil {
			return err
		}
		if f, err = openFile(path, windows.FILE_APPEND_DATA, windows.OPEN_ALWAYS); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Close())
}

func (ntfs) Make(dir, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString("O:BA" + sddl)
	if err != nil {
		return fmt.Errorf("access list %s: %w", sddl, err)
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	if err := windows.CreateDirectory(name, &sa); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	return nil
}

func (ntfs) Lock(dir, sddl string) error { return service.Lock(dir, sddl, setupName) }

func (ntfs) Pin(dir string) (func(), error) {
	h, err := open(dir, windows.FILE_LIST_DIRECTORY|windows.FILE_READ_ATTRIBUTES, sharePinned, windows.OPEN_EXISTING)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return func() { closeHandle(h) }, nil
}

// Move renames by a handle of the folder itself, so that it is the folder that was looked at.
func (d ntfs) Move(from, to string) error {
	return d.patiently(func() error {
		h, err := open(from, windows.DELETE|windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, shareAll, windows.OPEN_EXISTING)
		if err != nil {
			return err
		}
		defer closeHandle(h)
		var info windows.ByHandleFileInformation
		if err := windows.GetFileInformationByHandle(h, &info); err != nil {
			return err
		}
		if info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
			return errors.New("it is a link to another place")
		}
		request := renameRequest(to)
		return windows.SetFileInformationByHandle(h, windows.FileRenameInfo, &request[0], uint32(len(request))) //nolint:gosec // a path
	})
}

// renameRequest is FILE_RENAME_INFO: no replacing, no folder to begin from, the length of the name and
// the name (learn.microsoft.com/windows/win32/api/winbase/ns-winbase-file_rename_info).
func renameRequest(to string) []byte {
	const lengthAt, nameAt = 16, 20
	name := utf16.Encode([]rune(to))
	b := make([]byte, nameAt, nameAt+2*len(name)+2)
	binary.LittleEndian.PutUint32(b[lengthAt:], uint32(2*len(name))) //nolint:gosec // a path
	for _, unit := range append(name, 0) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func (d ntfs) Remove(path string) error { return d.remove(path, false) }

func (d ntfs) RemoveAll(path string) error { return d.remove(path, true) }

func (d ntfs) remove(path string, all bool) error {
	err := d.patiently(func() error { return removeEntry(path, all) })
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// removeEntry deletes what is at path itself. A folder stays open, and so in its place, while what is
// in it is deleted; what cannot be deleted does not keep the rest.
func removeEntry(path string, all bool) error {
	h, err := open(path, windows.DELETE|windows.FILE_LIST_DIRECTORY|windows.FILE_READ_ATTRIBUTES|windows.FILE_WRITE_ATTRIBUTES, sharePinned, windows.OPEN_EXISTING)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	f := os.NewFile(uintptr(h), path)
	defer f.Close() //nolint:errcheck // nothing can be done
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	folder := info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 && info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0
	if folder && !all {
		return fmt.Errorf("remove %s: it is a folder", path)
	}
	if folder {
		names, err := f.Readdirnames(-1)
		if err != nil {
			return err
		}
		var held error // the first of them
		for _, name := range names {
			if err := removeEntry(join(path, name), true); err != nil && !errors.Is(err, os.ErrNotExist) && held == nil {
				held = err
			}
		}
		if held != nil {
			return held
		}
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_READONLY != 0 {
		if err := writable(h, info.FileAttributes); err != nil {
			return fmt.Errorf("remove %s: %w", path, err)
		}
	}
	gone := byte(1)
	if err := windows.SetFileInformationByHandle(h, windows.FileDispositionInfo, &gone, 1); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}

// writable takes the attribute away that keeps a file from being deleted. Times of 0 stay as they are.
func writable(h windows.Handle, attributes uint32) error {
	type basicInfo struct {
		times      [4]int64
		attributes uint32
		_          uint32
	}
	info := basicInfo{attributes: attributes &^ windows.FILE_ATTRIBUTE_READONLY}
	return windows.SetFileInformationByHandle(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the structure that the system defines
}

func (d ntfs) patiently(do func() error) error {
	const pace = 200 * time.Millisecond
	deadline := time.Now().Add(d.patience)
	for {
		err := do()
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_DIR_NOT_EMPTY)
		if !busy || !time.Now().Before(deadline) {
			return err
		}
		time.Sleep(pace)
	}
}
