// Package port tells about the TCP ports of the machine: who listens on one, on which ones a program
// listens, and which ones a program may not take.
//
// It looks when it is asked and bounds every look in size and time; what the system does not tell this
// account stays empty and is never an error. It owns no goroutine.
package port

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Machine is the machine's ports, as this process sees them: on Linux those of its own network
// namespace. It may be used by several goroutines.
type Machine struct {
	system system

	mu       sync.Mutex
	reserved []Range // what Windows keeps, as of looked
	looked   time.Time
}

// system is what differs between operating systems.
type system interface {
	// listeners are the listening sockets.
	listeners() []listener
	// processes are all running processes.
	processes() []process
	// sockets are the processes among pids (nil: all of them) that hold a listening socket.
	sockets(of []listener, pids []int) map[int][]int
	// name is a process's program; empty when the system does not tell.
	name(pid int) string
	// user is an account's name, or its id when it has none.
	user(id string) string
	// rights are about low ports.
	rights() Rights
	// ranges are those that the system keeps for itself; false when it did not tell.
	ranges() ([]Range, bool)
}

// listener is one listening socket.
type listener struct {
	port int
	// pid is who holds it, 0 where only a look at processes tells (Linux).
	pid int
	// inode and uid are Linux' own: the socket and the account that made it.
	inode, uid string
}

// process is one running process.
type process struct {
	pid, parent int
	// session is the session's leader (Linux; 0 elsewhere): who was orphaned is known by it.
	session int
	// started orders the starts, 0 when it is not known: a parent never started after its child, but
	// another process that got the number of a parent that is gone may have.
	started uint64
}

// New looks at this machine.
func New() *Machine { return &Machine{system: newSystem()} }

// Owner is who holds a port.
type Owner struct {
	// PID is 0 when the system tells only the account.
	PID int `json:"pid,omitempty"`
	// Program is the name of its executable file.
	Program string `json:"program,omitempty"`
	// User is the account that made the socket (Linux).
	User string `json:"user,omitempty"`
}

// httpSys is the program of Windows' kernel, process 4, that listens for IIS and others.
const httpSys = "http.sys"

// String names the owner: "nginx (process 812)".
func (o Owner) String() string {
	switch {
	case o.Program == httpSys:
		return httpSys + " (IIS or another Windows web service; netsh http show servicestate)"
	case o.PID != 0 && o.Program != "":
		return fmt.Sprintf("%s (process %d)", o.Program, o.PID)
	case o.PID != 0:
		return fmt.Sprintf("process %d", o.PID)
	case o.User != "":
		return "a program of user " + o.User
	default:
		return "another program"
	}
}

// Owner is who listens on a port; false when nobody does, or the system does not tell.
func (m *Machine) Owner(port int) (Owner, bool) {
	held := slices.DeleteFunc(m.system.listeners(), func(l listener) bool { return l.port != port })
	if len(held) == 0 {
		return Owner{}, false
	}
	pids := make([]int, 0, len(held))
	for _, l := range held {
		if l.pid != 0 {
			pids = append(pids, l.pid)
		}
	}
	if len(pids) == 0 {
		for pid := range m.system.sockets(held, nil) {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return Owner{User: m.system.user(held[0].uid)}, true
	}
	// Of a program and the workers that inherited its socket, the program is the older one.
	pid := slices.Min(pids)
	return Owner{PID: pid, Program: m.system.name(pid), User: m.system.user(held[0].uid)}, true
}

// Holder says who listens on a port: "nginx (process 812)"; empty when nobody does or the system does
// not tell.
func (m *Machine) Holder(port int) string {
	owner, held := m.Owner(port)
	if !held {
		return ""
	}
	return owner.String()
}

// Listening are the ports, in ascending order, on which a process or one of its descendants listens. It
// is nil when that is not known, and empty when there are none.
func (m *Machine) Listening(pid int) []int {
	if pid <= 0 {
		return nil
	}
	tree := below(m.system.processes(), pid)
	if len(tree) == 0 {
		return nil
	}
	all := m.system.listeners()
	if all == nil {
		return nil // not even Holdfast's own
	}
	ports := []int{}
	for _, l := range all {
		if l.pid != 0 && slices.Contains(tree, l.pid) {
			ports = append(ports, l.port)
		}
	}
	for _, held := range m.system.sockets(all, tree) {
		ports = append(ports, held...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// below are pid and its living descendants; empty when there is no such process.
func below(all []process, pid int) []int {
	children := map[int][]process{}
	var tree []process
	for _, p := range all {
		switch {
		case p.pid == pid, p.session != 0 && p.session == pid:
			tree = append(tree, p)
		default:
			children[p.parent] = append(children[p.parent], p)
		}
	}
	seen := map[int]bool{}
	var pids []int
	for len(tree) > 0 {
		p := tree[0]
		tree = tree[1:]
		if seen[p.pid] {
			continue
		}
		seen[p.pid] = true
		pids = append(pids, p.pid)
		for _, child := range children[p.pid] {
			if child.started == 0 || child.started >= p.started {
				tree = append(tree, child)
			}
		}
	}
	return pids
}

// Rights are what this process may do with low ports.
type Rights struct {
	// From is the lowest port that everybody may take (Linux: 1024 as a rule; 0: there is no such
	// border).
	From int
	// Own says that this process may take ports below From, Programs that those it starts may.
	Own, Programs bool
}

// Rights are those of this process.
func (m *Machine) Rights() Rights { return m.system.rights() }

// Range are ports that Windows keeps for itself, such as those of Hyper-V.
type Range struct{ First, Last int }

// rangesAge is how long a look at the reserved ranges counts: they change when a virtual machine
// starts, and the look starts a program.
const rangesAge = 30 * time.Second

// Excluded says why a program that is started here may not take the port; empty when it may.
func (m *Machine) Excluded(port int) string {
	if r := m.system.rights(); port > 0 && port < r.From && !r.Programs {
		return fmt.Sprintf("ports below %d need a right that this account does not have: choose a port from %d on, or grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit)", r.From, r.From)
	}
	for _, r := range m.ranges() {
		if r.First <= port && port <= r.Last {
			return r.reason(port)
		}
	}
	return ""
}

func (r Range) reason(port int) string {
	return fmt.Sprintf("Windows reserves the ports %d to %d (Hyper-V, WSL, containers): choose another port, or keep this one for yourself as administrator: net stop winnat, netsh interface ipv4 add excludedportrange protocol=tcp startport=%d numberofports=1, net start winnat", r.First, r.Last, port)
}

func (m *Machine) ranges() []Range {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.looked.IsZero() && time.Since(m.looked) < rangesAge {
		return m.reserved
	}
	if ranges, told := m.system.ranges(); told {
		m.reserved = ranges
	}
	m.looked = time.Now()
	return m.reserved
}

// parseRanges reads what "netsh interface ipv4 show excludedportrange" prints, in whatever language:
// only lines of two ports count. One with a star was reserved by an administrator ("administered"):
// it keeps others out, and a program that names the port gets it.
func parseRanges(text []byte) []Range {
	var ranges []Range
	for _, fields := range fieldsOf(text) {
		if len(fields) != 2 {
			continue
		}
		first, errFirst := strconv.ParseUint(fields[0], 10, 16)
		last, errLast := strconv.ParseUint(fields[1], 10, 16)
		if errFirst != nil || errLast != nil || first == 0 || last < first {
			continue
		}
		ranges = append(ranges, Range{int(first), int(last)})
	}
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
	return slices.Compact(ranges)
}
