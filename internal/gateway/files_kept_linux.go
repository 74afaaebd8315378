package gateway

import (
	"os"
	"syscall"
)

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
