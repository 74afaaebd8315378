package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// portOwner names the program that listens on a TCP port, as " by nginx (pid 812)"; empty when the
// system does not tell this account (proc_pid_fd(5)).
func portOwner(port int) string {
	inodes := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table) //nolint:gosec // one of two constants
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if inode, ok := listening(line, port); ok {
				inodes["socket:["+inode+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	handles, err := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	if err != nil {
		return ""
	}
	for _, handle := range handles {
		target, err := os.Readlink(handle)
		if err != nil || !inodes[target] {
			continue
		}
		process := filepath.Dir(filepath.Dir(handle))
		// Not its comm, which for Holdfast itself is the name of a part.
		exe, err := os.Readlink(filepath.Join(process, "exe"))
		if err != nil {
			continue
		}
		name := filepath.Base(strings.TrimSuffix(exe, " (deleted)"))
		return fmt.Sprintf(" by %s (pid %s)", name, filepath.Base(process))
	}
	return ""
}

// listening reads one line of /proc/net/tcp (proc_net_tcp(5)): "sl local remote st ... inode", the
// local address as HEX:PORT and state 0A for LISTEN.
func listening(line string, port int) (inode string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != "0A" || !strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
		return "", false
	}
	return fields[9], true
}
