package wire

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	pollRead  = 0x0100 | 0x0200 // POLLRDNORM | POLLRDBAND
	soleEntry = 1
)

// pollEntry is WSAPOLLFD (learn.microsoft.com/windows/win32/api/winsock2/ns-winsock2-wsapollfd).
type pollEntry struct {
	socket  uintptr
	events  int16
	revents int16
}

// wsaPoll is loaded from the system's folder at its first use.
//
//nolint:gochecknoglobals // an address that does not change
var wsaPoll = windows.NewLazySystemDLL("ws2_32.dll").NewProc("WSAPoll")

// look reports whether the connection is not silent: there is something to read, be it the end, or it
// was reset.
func (c *conn) look() bool {
	if c.raw == nil {
		return false
	}
	n := uintptr(0)
	err := c.raw.Control(func(fd uintptr) {
		entry := pollEntry{socket: fd, events: pollRead}
		n, _, _ = wsaPoll.Call(uintptr(unsafe.Pointer(&entry)), soleEntry, 0) //nolint:gosec // as the system wants it
	})
	return err != nil || n != 0 // it fails with -1
}
