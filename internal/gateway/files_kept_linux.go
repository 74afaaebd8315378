package gateway

import (
	"os"
	"syscall"
)

// version tells one state of a file from every other: a write changes the time of its last status change,
// which no program can set (stat(3type)).
type version struct {
	device, inode uint64
	size          int64
	modified      int64
	changed       int64
}

// versionOf is the version of a file; false: it cannot be told.
func versionOf(info os.FileInfo) (version, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return version{}, false
	}
	return version{
		device: st.Dev, inode: st.Ino, size: st.Size,
		modified: st.Mtim.Nano(), changed: st.Ctim.Nano(),
	}, true
}
