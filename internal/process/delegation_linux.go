package process

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groups is the part of the machine's cgroup v2 hierarchy in which every instance gets a cgroup of
// its own:
//
//	<own>/                       the cgroup that Holdfast was started in
//	<own>/holdfast.<owner>.self/ guardian and worker: a cgroup that hands controllers on must be
//	                             empty itself (the rule of no internal processes)
//	<own>/holdfast.<owner>/      holds nothing but the instances
//	<own>/holdfast.<owner>/<instance>.<launcher>-<run>/
type groups struct {
	base              string // folder of the instances' cgroups; "" when there is none
	memory, cpu, pids bool   // controllers that the instances have
	why               string // why memory or cpu is not among them, and what to do
}

// selfSuffix ends the name of the cgroup that holds our own processes.
const selfSuffix = ".self"

// cgroupHost is what finding our place in the hierarchy asks the machine for.
type cgroupHost struct {
	root  string // before /proc and /run; empty but in tests
	uid   int
	xattr func(path, name string) string
	// own are the processes that we may move: ourselves, our guardian and our descendants.
	own func() ([]int, error)
}

func thisHost() cgroupHost {
	return cgroupHost{uid: os.Geteuid(), xattr: xattr, own: ownProcesses}
}

// findGroups takes up what was delegated to us. It changes nothing unless all of it is ours: a
// control group that other processes share, or that systemd keeps for itself, is left alone.
func findGroups(h cgroupHost, owner string) *groups {
	g := &groups{}
	if err := g.find(h, owner); err != nil {
		return &groups{why: err.Error()}
	}
	return g
}

func (g *groups) find(h cgroupHost, owner string) error {
	own, dir, err := h.place()
	if err != nil {
		return err
	}
	have := fieldsOf(filepath.Join(dir, "cgroup.controllers"))
	if !slices.Contains(have, "memory") && !slices.Contains(have, "cpu") {
		return h.noControllers(own, dir)
	}
	// The root of the hierarchy, and it alone, may hold processes and hand controllers on.
	realRoot := !exists(filepath.Join(dir, "cgroup.type"))
	if err := h.delegated(own, dir); err != nil {
		return err
	}
	mine, err := h.own()
	if err != nil {
		return fmt.Errorf("list own processes: %w", err)
	}
	if !realRoot {
		if err := h.alone(own, dir, mine); err != nil {
			return err
		}
	}
	name := groupName(owner)
	base, self := filepath.Join(dir, name), filepath.Join(dir, name+selfSuffix)
	for _, d := range []string{self, base} {
		if err := os.Mkdir(d, 0o755); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // a cgroup, as the kernel makes its own
			return notWritable(own, err)
		}
	}
	for _, pid := range mine {
		err := writeGroup(self, "cgroup.procs", strconv.Itoa(pid))
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("own process %d cannot be moved into a control group of its own: %w; run Holdfast as a systemd unit with Delegate=cpu memory pids", pid, err)
		}
	}
	g.base = base
	g.memory, g.cpu, g.pids = g.enable(dir, "memory"), g.enable(dir, "cpu"), g.enable(dir, "pids")
	if !g.memory && !g.cpu {
		return fmt.Errorf("control group %s hands neither the memory nor the cpu controller on: run Holdfast as a systemd unit with Delegate=cpu memory pids", own)
	}
	for name, has := range map[string]bool{"memory": g.memory, "cpu": g.cpu} {
		if !has {
			g.why = fmt.Sprintf("the %s controller was not delegated to control group %s: write Delegate=cpu memory pids into the systemd unit, or enable it in its parents' cgroup.subtree_control", name, own)
		}
	}
	return nil
}

// place is our cgroup as the kernel names it and as a folder.
func (h cgroupHost) place() (own, dir string, err error) {
	data, err := os.ReadFile(h.root + "/proc/self/cgroup")
	if err == nil {
		own, err = ownGroup(data)
	}
	if err != nil {
		return "", "", errors.New("this system has no cgroup v2: run Holdfast on one that has, such as every current distribution with systemd")
	}
	data, err = os.ReadFile(h.root + "/proc/self/mountinfo")
	if err != nil {
		return "", "", fmt.Errorf("mounted file systems: %w", err)
	}
	point, rel, ok := groupMount(data, own)
	if !ok {
		return "", "", fmt.Errorf("the cgroup v2 file system with control group %s is not mounted here: mount it (mount -t cgroup2 none /sys/fs/cgroup), in a container with a private cgroup namespace", own)
	}
	dir = filepath.Join(h.root+point, rel)
	// An earlier run, or another Launcher of this process, has moved us there.
	if last := filepath.Base(dir); strings.HasPrefix(last, "holdfast.") && strings.HasSuffix(last, selfSuffix) {
		own, dir = filepath.Dir(own), filepath.Dir(dir)
	}
	return own, dir, nil
}

// ownGroup is the line of cgroup v2 in /proc/PID/cgroup: cgroups(7).
func ownGroup(data []byte) (string, error) {
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok && strings.HasPrefix(path, "/") {
			return path, nil
		}
	}
	return "", errors.New("no line for cgroup v2")
}

// groupMount finds where the cgroup own is mounted: proc_pid_mountinfo(5).
func groupMount(mountinfo []byte, own string) (point, rel string, ok bool) {
	if strings.HasPrefix(own, "/..") {
		return "", "", false // outside of our cgroup namespace
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(mountinfo)) {
		before, after, found := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !found || len(f) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		root := unescape.Replace(f[3])
		if root == "/" {
			return unescape.Replace(f[4]), own, true
		}
		if own == root || strings.HasPrefix(own, root+"/") {
			return unescape.Replace(f[4]), strings.TrimPrefix(own, root), true
		}
	}
	return "", "", false
}

// noControllers explains why there are none.
func (h cgroupHost) noControllers(own, dir string) error {
	if data, err := os.ReadFile(h.root + "/proc/self/cgroup"); err == nil {
		if s := string(data); strings.Contains(s, ":memory:") || strings.Contains(s, ":cpu:") || strings.Contains(s, ":cpu,") {
			return errors.New("this machine uses its memory and cpu controllers in cgroup v1: boot it with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1 on the kernel's command line)")
		}
	}
	if !exists(filepath.Join(dir, "cgroup.controllers")) {
		return fmt.Errorf("control group %s cannot be read: run the container with a private, writable cgroup namespace", own)
	}
	return fmt.Errorf("no controllers were delegated to control group %s: write Delegate=cpu memory pids into the systemd unit", own)
}

// delegated asks systemd, which marks what it leaves to others: systemd.resource-control(5), and
// systemd.io/CGROUP_DELEGATION on both marks. Who is not root has the rights to tell.
func (h cgroupHost) delegated(own, dir string) error {
	if h.uid != 0 || own == "/" || !exists(h.root+"/run/systemd/system") {
		return nil
	}
	for _, d := range []string{dir, filepath.Dir(dir)} { // the parent's: DelegateSubgroup=
		for _, name := range []string{"trusted.delegate", "user.delegate"} {
			if h.xattr(d, name) == "1" {
				return nil
			}
		}
	}
	return fmt.Errorf("control group %s belongs to systemd: write Delegate=cpu memory pids into the unit, or start Holdfast as its service", own)
}

// alone refuses to share a cgroup: nobody but us would know that it must stay empty.
func (h cgroupHost) alone(own, dir string, mine []int) error {
	for _, f := range fieldsOf(filepath.Join(dir, "cgroup.procs")) {
		pid, err := strconv.Atoi(f)
		if err != nil || slices.Contains(mine, pid) {
			continue
		}
		name, _ := os.ReadFile(h.root + "/proc/" + f + "/comm") //nolint:gosec // it may have ended: then without a name
		return fmt.Errorf("control group %s holds other processes, such as %s (process %d): start Holdfast as its service, in a container as the first process (without an init before it)", own, bytes.TrimSpace(name), pid)
	}
	return nil
}

func notWritable(own string, err error) error {
	switch {
	case errors.Is(err, unix.EROFS):
		return errors.New("the cgroup file system is read-only: run the container with a private, writable cgroup namespace; in a systemd unit write Delegate=cpu memory pids and remove ProtectControlGroups=")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("control group %s was not delegated to user id %d: write Delegate=cpu memory pids into the systemd unit", own, os.Geteuid())
	default:
		return fmt.Errorf("make a control group below %s: %w", own, err)
	}
}

// enable hands a controller on to the instances.
func (g *groups) enable(dir, controller string) bool {
	for _, d := range []string{dir, g.base} {
		if slices.Contains(fieldsOf(filepath.Join(d, "cgroup.subtree_control")), controller) {
			continue
		}
		if writeGroup(d, "cgroup.subtree_control", "+"+controller) != nil {
			return false
		}
	}
	return true
}

// groupName tells installations apart: two may share a machine's root.
func groupName(owner string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(owner))
	return fmt.Sprintf("holdfast.%016x", h.Sum64())
}

// ownProcesses are those that may be moved: they are in our cgroup, and they are ourselves, the
// guardian or our descendants.
func ownProcesses() ([]int, error) {
	in := func(pid int) string {
		data, err := readSmall("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err != nil {
			return ""
		}
		group, _ := ownGroup(data) // "" is none
		return group
	}
	self := os.Getpid()
	here := in(self)
	mine := []int{self}
	// The guardian is the same program; anybody else who started us is not ours to move.
	parent := os.Getppid()
	if exe, err := os.Readlink("/proc/self/exe"); err == nil && in(parent) == here {
		if its, err := os.Readlink("/proc/" + strconv.Itoa(parent) + "/exe"); err == nil && its == exe {
			mine = append(mine, parent)
		}
	}
	procs, err := belowSelf()
	for _, p := range procs {
		if in(p.pid) == here {
			mine = append(mine, p.pid)
		}
	}
	return mine, err
}

func xattr(path, name string) string {
	buf := make([]byte, 16)
	n, err := unix.Getxattr(path, name, buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// writeGroup writes a file of a cgroup, which must exist.
func writeGroup(dir, file, value string) error {
	fd, err := retryEINTR(func() (int, error) {
		return unix.Open(dir+"/"+file, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
	})
	if err == nil {
		_, err = retryEINTR(func() (int, error) { return unix.Write(fd, []byte(value)) })
		_ = unix.Close(fd)
	}
	if err != nil {
		return &os.PathError{Op: "write " + value + " to", Path: dir + "/" + file, Err: err}
	}
	return nil
}

// fieldsOf are the words of a file; none when it cannot be read.
func fieldsOf(path string) []string {
	data, err := readSmall(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(data))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
