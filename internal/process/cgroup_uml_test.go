//go:build cgroup && linux

package process

// These tests need a machine with cgroup v2 and nobody else in it: build/cgroup makes one.

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

const hierarchy = "/sys/fs/cgroup"

// groupOf is the cgroup of a process.
func groupOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	own, err := ownGroup(data)
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// delegate makes a cgroup as systemd does for a unit with Delegate=.
func delegate(t *testing.T, uid int, controllers string) (dir string, fd int) {
	t.Helper()
	if err := writeGroup(hierarchy, "cgroup.subtree_control", "+memory +cpu +pids"); err != nil {
		t.Fatal(err)
	}
	parent := filepath.Join(hierarchy, strings.ReplaceAll(t.Name(), "/", "-")+".slice")
	dir = filepath.Join(parent, "shop.service")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if controllers != "" {
		if err := writeGroup(parent, "cgroup.subtree_control", controllers); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(filepath.Join(dir, f), uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fd)
		_ = writeGroup(parent, "cgroup.kill", "1")
		until(t, "removed cgroups", func() bool { return removeGroup(parent) == nil })
	})
	return dir, fd
}

func TestCgroupIsTakenUp(t *testing.T) {
	l := launch(t)
	if memory, cpu, why := l.Enforces(); !memory || !cpu || why != "" {
		t.Fatalf("Enforces: %v, %v, %q", memory, cpu, why)
	}
	if got, want := groupOf(t, os.Getpid()), "/"+groupName(t.Name())+".self"; got != want {
		t.Errorf("we are in %s, want %s", got, want)
	}
	c := start(t, l, Spec{Command: self(t, "wait")})
	if got := hierarchy + groupOf(t, c.PID()); got != c.group.dir || !strings.HasPrefix(got, hierarchy+"/"+groupName(t.Name())+"/shop-1.") {
		t.Errorf("it is in %s, want %s", got, c.group.dir)
	}
	for file, want := range map[string]string{"memory.max": "max", "cpu.max": "max 100000", "memory.oom.group": "0"} {
		if got := strings.Join(fieldsOf(c.group.dir+"/"+file), " "); got != want {
			t.Errorf("%s of an instance without limits: %q", file, got)
		}
	}
}

func TestCgroupIsRemoved(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: []string{"sh", "-c", "setsid sleep 1000 & sleep 1000 & echo up; wait"}, Output: o})
	waitLine(t, o, "up")
	// A program may make groups of its own: a container runtime does.
	below := filepath.Join(c.group.dir, "its own", "deeper")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeGroup(below, "cgroup.procs", strconv.Itoa(c.PID())); err != nil {
		t.Fatal(err)
	}
	if got := c.Kill(); got != 2 {
		t.Errorf("Kill ended %d orphans, want 2", got)
	}
	if exists(c.group.dir) {
		t.Errorf("%s is left", c.group.dir)
	}
	_, err := l.Start(Spec{ID: "shop-1", Command: []string{"/etc/passwd"}, Dir: "/"})
	if err == nil {
		t.Fatal("a file that is no program was started")
	}
	if names, err := os.ReadDir(l.groups().base); err != nil || len(names) > 0 && slices.ContainsFunc(names, os.DirEntry.IsDir) {
		t.Errorf("after a failed start %v, %v", names, err)
	}
}

func TestCgroupMemoryLimitEndsTheWholeTree(t *testing.T) {
	for _, tt := range []struct {
		name   string
		clone3 bool
	}{{"born into it", true}, {"moved into it", false}} {
		t.Run(tt.name, func(t *testing.T) {
			l := launch(t)
			l.noClone3 = !tt.clone3
			// One with a session of its own, whose parent has ended.
			script := `(setsid sleep 1000 &); exec "$0" as use 100 0 0`
			c := start(t, l, Spec{Command: []string{"sh", "-c", script, self(t, "x")[0]}, Limits: Limits{Memory: 32 << 20}})
			waitDone(t, c)
			got := c.Exit()
			if got.Reason != status.ReasonMemoryLimit || got.Text != "killed by the kernel for using more than limits.memory (32MiB)" || got.Signal != "SIGKILL" {
				t.Errorf("exit: %q %q %q", got.Reason, got.Text, got.Signal)
			}
			if got.Usage == nil || got.Usage.PeakMemory < 32<<20 {
				t.Errorf("usage: %+v", got.Usage)
			}
			until(t, "end of the others", func() bool { return len(c.group.members()) == 0 })
			if got := c.Kill(); got != 0 {
				t.Errorf("Kill found %d", got)
			}
			if exists(c.group.dir) {
				t.Errorf("%s is left", c.group.dir)
			}
		})
	}
}

func TestCgroupMemoryBelowItsLimit(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "use", "32", "0", "0"), Output: o, Limits: Limits{Memory: 128 << 20}})
	waitLine(t, o, "used")
	if got := strings.Join(fieldsOf(c.group.dir+"/memory.max"), ""); got != strconv.Itoa(128<<20) {
		t.Errorf("memory.max %s", got)
	}
	u, err := c.Usage()
	if err != nil || u.Memory < 32<<20 || u.Memory > 100<<20 || u.Processes != 1 || u.Threads < 2 || u.Handles < 3 || u.CPUSeconds <= 0 {
		t.Errorf("%+v, %v", u, err)
	}
	c.Kill()
	waitDone(t, c)
	if got := c.Exit(); got.Reason != "" || got.Text != "killed by Holdfast" {
		t.Errorf("exit: %q %q", got.Reason, got.Text)
	}
}

// The whole machine's lack of memory is not the instance's limit.
func TestCgroupMemoryOfAllTogether(t *testing.T) {
	l := launch(t)
	base := l.groups().base
	if err := writeGroup(base, "memory.max", strconv.Itoa(32<<20)); err != nil {
		t.Fatal(err)
	}
	c := start(t, l, Spec{Command: self(t, "use", "100", "0", "0"), Limits: Limits{Memory: 128 << 20}})
	waitDone(t, c)
	if got := c.Exit(); got.Reason != "" || !strings.Contains(got.Text, "all of Holdfast together") {
		t.Errorf("exit: %q %q", got.Reason, got.Text)
	}
}

func TestCgroupProcessorTimeIsBounded(t *testing.T) {
	l := launch(t)
	begin := time.Now()
	// Two at once share one limit: a tenth of a processor.
	script := `"$0" as use 0 100000000 0 & exec "$0" as use 0 100000000 0`
	c := start(t, l, Spec{Command: []string{"sh", "-c", script, self(t, "x")[0]}, Limits: Limits{CPU: 0.1}})
	u := measureUntil(t, c, "half a second of processor time", func(u status.Usage) bool { return u.CPUSeconds >= 0.5 })
	if wall := time.Since(begin).Seconds(); u.CPUSeconds > 0.1*wall+0.2 || u.Processes != 2 {
		t.Errorf("%d processes used %.2f s in %.2f s", u.Processes, u.CPUSeconds, wall)
	}
}

func TestCgroupKillEndsAForkBomb(t *testing.T) {
	for _, tt := range []struct {
		name string
		kill bool
	}{{"cgroup.kill", true}, {"without it", false}} {
		t.Run(tt.name, func(t *testing.T) {
			l := launch(t)
			other := start(t, l, Spec{ID: "other-1", Command: self(t, "wait")})
			c := start(t, l, Spec{Command: []string{"sh", "-c", `read go; f() { f & f & wait; }; f`}, Stop: StdinClose})
			// What the machine has room for; nobody configures it.
			if err := writeGroup(c.group.dir, "pids.max", "60"); err != nil {
				t.Fatal(err)
			}
			if err := c.Signal(StdinClose); err != nil {
				t.Fatal(err)
			}
			until(t, "forty processes", func() bool { return len(c.group.members()) > 40 })
			if !tt.kill {
				if err := unix.Mount("/dev/null", c.group.dir+"/cgroup.kill", "", unix.MS_BIND, ""); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = unix.Unmount(c.group.dir+"/cgroup.kill", unix.MNT_DETACH) }()
			}
			orphans := c.Kill()
			if left := c.group.members(); len(left) > 0 || orphans < 20 {
				t.Errorf("%d were ended, %d are left", orphans, len(left))
			}
			if u, err := other.Usage(); err != nil || u.Processes != 1 {
				t.Errorf("the other instance: %+v, %v", u, err)
			}
		})
	}
}

func TestCgroupLeftovers(t *testing.T) {
	tok := token(t)
	cmd, lines := miniatureHoldfast(t, tok, 1)
	worker := waitWorker(t, lines)
	for _, sig := range []unix.Signal{unix.SIGSTOP, unix.SIGKILL} {
		_ = unix.Kill(cmd.Process.Pid, sig)
		_ = unix.Kill(worker, sig)
	}
	_ = cmd.Wait()
	foreign := filepath.Join(hierarchy, groupName("somebody else"))
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = removeGroup(foreign) }()
	l := NewLauncher(LauncherOptions{Owner: tok})
	base := filepath.Join(hierarchy, groupName(tok))
	if dirs, err := filepath.Glob(base + "/x-*"); err != nil || len(dirs) != 1 {
		t.Fatalf("left: %v, %v", dirs, err)
	}
	if n, err := l.ReapLeftovers(); err != nil || n == 0 {
		t.Errorf("ReapLeftovers = %d, %v", n, err)
	}
	if left := bearing(t, tok); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if dirs, _ := filepath.Glob(base + "/x-*"); len(dirs) > 0 {
		t.Errorf("left: %v", dirs)
	}
	if !exists(foreign) {
		t.Error("another installation's cgroup is gone")
	}
	if n, err := l.ReapLeftovers(); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

func TestCgroupOfAUnit(t *testing.T) {
	const nobody = 65534
	for _, tt := range []struct {
		name        string
		uid         int
		controllers string
		shared      bool
		want        string
		moved       bool
	}{
		{"root", 0, "+memory +cpu +pids", false, `true true "" `, true},
		{"a user", nobody, "+memory +cpu +pids", false, `true true "" `, true},
		{"memory alone", nobody, "+memory", false, `true false "the cpu controller was not delegated`, true},
		{"no controllers", nobody, "", false, `false false "no controllers were delegated to control group`, false},
		{"shared with another", 0, "+memory +cpu +pids", true, `false false "control group `, false},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			dir, fd := delegate(t, tt.uid, tt.controllers)
			if tt.shared {
				other := command(t, "wait")
				other.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
				if err := other.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
			}
			cmd := command(t, "enforces", t.Name())
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
			if tt.uid != 0 {
				cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(tt.uid), Gid: uint32(tt.uid)}
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("%s, %v; want %s", out, err, tt.want)
			}
			own := strings.TrimPrefix(dir, hierarchy)
			if tt.moved {
				own += "/" + groupName(t.Name()) + ".self"
			}
			if !strings.HasSuffix(strings.TrimSpace(string(out)), "0::"+own) {
				t.Errorf("it is in %s, want %s", out, own)
			}
			if tt.shared && !strings.Contains(string(out), "holds other processes, such as process.test (process ") {
				t.Errorf("does not say who: %s", out)
			}
		})
	}
}
