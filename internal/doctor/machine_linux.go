package doctor

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// File follows links.
func (local) File(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	f := File{Folder: info.IsDir(), Mode: info.Mode(), ModTime: info.ModTime(), UID: -1, GID: -1}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.UID, f.GID = int(st.Uid), int(st.Gid)
	}
	return f, nil
}

// Write asks the kernel and makes nothing.
func (local) Write(dir string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &os.PathError{Op: "access", Path: dir, Err: err}
	}
	return nil
}

// Disk is the volume of a path.
func (local) Disk(path string) (Disk, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Disk{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	block := uint64(st.Frsize) //nolint:gosec // not negative
	return Disk{
		Free: st.Bavail * block, Total: st.Blocks * block,
		FreeFiles: st.Ffree, Files: st.Files, ReadOnly: st.Flags&unix.ST_RDONLY != 0,
	}, nil
}

// Account looks the name up as every program does.
func (local) Account(name string) (Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return Account{}, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return Account{}, err
	}
	a := Account{Name: name, UID: uid}
	groups, err := u.GroupIds()
	if err != nil {
		groups = []string{u.Gid}
	}
	for _, group := range groups {
		if gid, err := strconv.Atoi(group); err == nil {
			a.GIDs = append(a.GIDs, gid)
		}
	}
	return a, nil
}

// OpenFiles reads "Max open files  soft  hard  files" (proc_pid_limits(5)): the runtime raises the
// soft limit to the hard one.
func (local) OpenFiles(pid int) (uint64, error) {
	who := "self"
	if pid != 0 {
		who = strconv.Itoa(pid)
	}
	data, err := os.ReadFile("/proc/" + who + "/limits")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		rest, ok := strings.CutPrefix(line, "Max open files")
		f := strings.Fields(rest)
		if !ok || len(f) < 2 {
			continue
		}
		if f[1] == "unlimited" {
			return 1 << 20, nil
		}
		return strconv.ParseUint(f[1], 10, 64)
	}
	return 0, errors.New("/proc tells no limit")
}

// LongPaths has no meaning here.
func (local) LongPaths() (bool, error) { return true, nil }

// Me is who looks, and whether that is the machine's administrator.
func Me() (account string, admin bool) {
	id := os.Geteuid()
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username, id == 0
	}
	return fmt.Sprintf("user %d", id), id == 0
}
