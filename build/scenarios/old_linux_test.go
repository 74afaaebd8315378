//go:build wine

package scenarios

import "testing"

// What no longer gets updates gets no service, either.
func TestOldWindowsIsRefused(t *testing.T) {
	m := fresh(t)
	m.ok("winecfg", "-v", "win7")
	m.ok("reg", "delete", `HKLM\Software\Microsoft\Windows NT\CurrentVersion`, "/v", "CurrentMajorVersionNumber", "/f") // it forgets that
	empty := m.look()
	m.fails("/i", pkg("1.0.0"))
	m.same(empty)
}
