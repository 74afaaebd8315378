package gateway

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestBindError(t *testing.T) {
	known := ports{
		holder: func(port int) string {
			if port == 80 {
				return "nginx (process 812)"
			}
			return ""
		},
		excluded: func(int) string { return "Windows reserves the ports 8000 to 8099: choose another" },
	}
	for _, tc := range []struct {
		name, goos, address string
		code                syscall.Errno
		want                []string
		ports               ports
	}{
		{"held", "linux", ":80", syscall.EADDRINUSE, []string{"held by another process", "ss -ltnp 'sport = :80'"}, ports{}},
		{"privileged", "linux", ":443", syscall.EACCES, []string{"CAP_NET_BIND_SERVICE"}, ports{}},
		{"forbidden", "linux", ":8443", syscall.EACCES, []string{"SELinux"}, ports{}},
		{"foreign", "linux", "192.0.2.1:80", syscall.EADDRNOTAVAIL, []string{"not an address of this machine"}, ports{}},
		{"held", "windows", ":80", windowsInUse, []string{"held by another process", "PID 4 is http.sys", "findstr :80"}, ports{}},
		{"reserved", "windows", ":8080", windowsAccess, []string{"excludedportrange", "http.sys"}, ports{}},
		{"foreign", "windows", "192.0.2.1:80", windowsNotAvailable, []string{"not an address of this machine"}, ports{}},
		{"held by a known one", "linux", ":80", syscall.EADDRINUSE, []string{"is held by nginx (process 812); stop it"}, known},
		{"held by a known one", "windows", ":80", windowsInUse, []string{"is held by nginx (process 812); stop it"}, known},
		{"held exclusively", "windows", ":80", windowsAccess, []string{"is held by nginx (process 812); stop it"}, known},
		{"in a reserved range", "windows", ":8080", windowsAccess, []string{"Windows reserves the ports 8000 to 8099"}, known},
		{"held by nobody knows whom", "linux", ":8080", syscall.EADDRINUSE, []string{"ss -ltnp"}, known},
		{"unknown", "windows", ":80", syscall.EINVAL, nil, ports{}},
	} {
		t.Run(tc.goos+" "+tc.name, func(t *testing.T) {
			err := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", tc.code)}
			cause, cure := tc.ports.bindCause(tc.goos, tc.address, err)
			if (cause == "") != (tc.want == nil) {
				t.Errorf("cause = %q", cause)
			}
			for _, w := range tc.want {
				if !strings.Contains(cause+"; "+cure, w) {
					t.Errorf("%q; %q lacks %q", cause, cure, w)
				}
			}
			text := tc.ports.bindError("web", tc.address, err).Error()
			if !strings.Contains(text, `listener "web"`) || !strings.Contains(text, "listeners.web.address") || !strings.Contains(text, tc.address) {
				t.Errorf("error = %q", text)
			}
		})
	}
}
