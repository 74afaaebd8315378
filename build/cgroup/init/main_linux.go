// Command init is the first process of a kernel that runs as a program (User Mode Linux): it mounts
// what tests need, runs the test binary that it is given, and turns the kernel off.
//
//	init TEST-BINARY [ARGUMENT...]
//
// The last line that it prints is "init: exit CODE".
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		_, _ = fmt.Fprintln(os.Stdout, "init:", err)
	}
	_, _ = fmt.Fprintln(os.Stdout, "init: exit", code)
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run(args []string) (int, error) {
	// The host's files are the root, read-only; everything else is ours. /dev is one file system with
	// the kernel's devices, and can be written.
	if err := os.MkdirAll("/dev/tmp", 0o700); err != nil {
		return 1, err
	}
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"cgroup2", "/sys/fs/cgroup"}, {"tmpfs", "/run"},
	} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return 1, fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if len(args) == 0 {
		return 1, errors.New("no test binary is given")
	}
	for name, value := range map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/dev/tmp", "TMPDIR": "/dev/tmp"} {
		if err := os.Setenv(name, value); err != nil {
			return 1, err
		}
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // what build/cgroup wants run; the kernel ends with it
	cmd.Dir = "/dev/tmp"
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", args[0], err)
	}
	return 0, nil
}
