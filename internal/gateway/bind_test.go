package gateway

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestBindError(t *testing.T) {
	for _, tc := range []struct {
		name, goos, address string
		code                syscall.Errno
		want                []string
	}{
		{"held", "linux", ":80", syscall.EADDRINUSE, []string{"held by another process", "ss -ltnp 'sport = :80'"}},
		{"privileged", "linux", ":443", syscall.EACCES, []string{"CAP_NET_BIND_SERVICE"}},
		{"forbidden", "linux", ":8443", syscall.EACCES, []string{"SELinux"}},
		{"foreign", "linux", "192.0.2.1:80", syscall.EADDRNOTAVAIL, []string{"not an address of this machine"}},
		{"held", "windows", ":80", windowsInUse, []string{"held by another process", "PID 4 is http.sys", "findstr :80"}},
		{"reserved", "windows", ":8080", windowsAccess, []string{"excludedportrange", "http.sys"}},
		{"foreign", "windows", "192.0.2.1:80", windowsNotAvailable, []string{"not an address of this machine"}},
		{"unknown", "windows", ":80", syscall.EINVAL, nil},
	} {
		t.Run(tc.goos+" "+tc.name, func(t *testing.T) {
			err := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", tc.code)}
			cause, cure := bindCause(tc.goos, tc.address, err)
			if (cause == "") != (tc.want == nil) {
				t.Errorf("cause = %q", cause)
			}
			for _, w := range tc.want {
				if !strings.Contains(cause+"; "+cure, w) {
					t.Errorf("%q; %q lacks %q", cause, cure, w)
				}
			}
			text := bindError("web", tc.address, err).Error()
			if !strings.Contains(text, `listener "web"`) || !strings.Contains(text, "change listeners.web.address") || !strings.Contains(text, tc.address) {
				t.Errorf("error = %q", text)
			}
		})
	}
}
