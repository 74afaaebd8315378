package port

import (
	"bytes"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxHandles bounds the descriptors that one look reads, lookTime its time.
	maxHandles = 1 << 18
	lookTime   = 2 * time.Second
	// netBind is CAP_NET_BIND_SERVICE (capabilities(7)).
	netBind = 1 << 10
)

func newSystem() system { return linux{"/proc"} }

// linux reads below proc; tests have one of their own.
type linux struct{ proc string }

// listeners are those of our own network namespace: /proc/net is a link to self/net.
func (s linux) listeners() []listener {
	var all []listener
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		f, err := os.Open(filepath.Join(s.proc, table)) //nolint:gosec // one of two tables of the kernel
		if err != nil {
			continue
		}
		all = append(all, parseProcNet(f)...)
		_ = f.Close()
	}
	return all
}

// sockets reads the descriptors of processes (proc_pid_fd(5)): those of other accounts are closed to
// us, and a look at all of them ends with the first holder.
func (s linux) sockets(of []listener, pids []int) map[int][]int {
	ports := make(map[string]int, len(of))
	for _, l := range of {
		if l.inode != "0" { // a socket without one is on its way out
			ports["socket:["+l.inode+"]"] = l.port
		}
	}
	everybody := pids == nil
	if everybody {
		pids = s.pids()
	}
	found := map[int][]int{}
	deadline, left := time.Now().Add(lookTime), maxHandles
	for _, pid := range pids {
		dir := filepath.Join(s.proc, strconv.Itoa(pid), "fd")
		f, err := os.Open(dir) //nolint:gosec // a process's own folder in /proc
		if err != nil {
			continue
		}
		handles, _ := f.Readdirnames(left) // what could be read
		_ = f.Close()
		for _, handle := range handles {
			target, err := os.Readlink(filepath.Join(dir, handle))
			if port, ok := ports[target]; err == nil && ok {
				found[pid] = append(found[pid], port)
			}
		}
		left -= len(handles)
		if left <= 0 || everybody && len(found) > 0 || time.Now().After(deadline) {
			break
		}
	}
	return found
}

// pids are all processes, the oldest numbers first.
func (s linux) pids() []int {
	names, err := filepath.Glob(filepath.Join(s.proc, "[0-9]*"))
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func (s linux) processes() []process {
	var all []process
	for _, pid := range s.pids() {
		data, err := os.ReadFile(filepath.Join(s.proc, strconv.Itoa(pid), "stat"))
		if err != nil {
			continue
		}
		if p, ok := parseStat(pid, data); ok {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name in parentheses may itself hold spaces
// and parentheses.
func parseStat(pid int, data []byte) (process, bool) {
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(f) < 20 {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return process{}, false
	}
	session, err := strconv.Atoi(f[3])
	if err != nil {
		return process{}, false
	}
	started, err := strconv.ParseUint(f[19], 10, 64)
	return process{pid: pid, parent: parent, session: session, started: started}, err == nil
}

// name is not the comm, which for Holdfast itself is the name of a part; but the only one that the
// kernel tells of another account's process.
func (s linux) name(pid int) string {
	dir := filepath.Join(s.proc, strconv.Itoa(pid))
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		return filepath.Base(strings.TrimSuffix(exe, " (deleted)"))
	}
	comm, err := os.ReadFile(filepath.Join(dir, "comm")) //nolint:gosec // a process's own file in /proc
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(comm))
}

func (linux) user(id string) string {
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// rights: a program that is started keeps ambient capabilities, and root's are all of its own
// (capabilities(7)).
func (s linux) rights() Rights {
	r := Rights{From: 1024}
	if data, err := os.ReadFile(filepath.Join(s.proc, "sys/net/ipv4/ip_unprivileged_port_start")); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			r.From = n
		}
	}
	data, err := os.ReadFile(filepath.Join(s.proc, "self/status"))
	if err != nil {
		return r
	}
	var root bool
	for _, f := range fieldsOf(data) {
		if len(f) < 2 {
			continue
		}
		caps, err := strconv.ParseUint(f[1], 16, 64)
		has := err == nil && caps&netBind != 0
		switch f[0] {
		case "Uid:":
			root = len(f) > 2 && f[2] == "0" // the effective one
		case "CapEff:":
			r.Own = has
			r.Programs = r.Programs || root && has
		case "CapAmb:":
			r.Programs = r.Programs || has
		}
	}
	return r
}

func (linux) ranges() ([]Range, bool) { return nil, true }
