package gateway

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
)

// Errors of bind by number: on Windows package syscall has no names that compare equal to what the
// system says (learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2).
const (
	windowsAccess       = 10013
	windowsInUse        = 10048
	windowsNotAvailable = 10049
)

// bindError says why an address could not be bound, and what to do about it.
func bindError(listener, address string, err error) error {
	cause, cure := bindCause(runtime.GOOS, address, err)
	if cause == "" {
		return fmt.Errorf("listener %q: address %s: %w; change listeners.%s.address", listener, address, err, listener)
	}
	return fmt.Errorf("listener %q: address %s %s; %s or change listeners.%s.address (%w)",
		listener, address, cause, cure, listener, err)
}

// bindCause puts an error of bind into words; it is empty for one that it does not know.
func bindCause(goos, address string, err error) (cause, cure string) {
	var code syscall.Errno
	errors.As(err, &code)
	_, port, _ := net.SplitHostPort(address)
	if goos == "windows" {
		switch int(code) {
		case windowsInUse:
			return "is held by another process", "find it with: netstat -ano | findstr :" + port +
				" (PID 4 is http.sys: IIS or another Windows service), stop it"
		case windowsAccess:
			return "is held exclusively by another process or lies in a range that Windows reserves",
				"look with: netstat -ano | findstr :" + port +
					" (PID 4 is http.sys) and: netsh interface ipv4 show excludedportrange tcp (Hyper-V), free it"
		case windowsNotAvailable:
			return "is not an address of this machine", "bring the interface up"
		default:
			return "", ""
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "is held by another process", "find it with: ss -ltnp 'sport = :" + port + "', stop it"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		if n, err := strconv.Atoi(port); err == nil && n < 1024 {
			return "needs a right that this process does not have",
				"grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or setcap cap_net_bind_service=+ep)"
		}
		return "is forbidden to this process", "look for a security module that forbids it (SELinux, AppArmor)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "is not an address of this machine", "bring the interface up"
	default:
		return "", ""
	}
}
