package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

const (
	pureMounts   = "25 1 0:23 / /proc rw - proc proc rw\n30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	hybridMounts = "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	unit         = "/system.slice/shop.service"
)

// fakeHost is a machine of files. Names that end in a slash are folders.
func fakeHost(t *testing.T, group, mounts string, files map[string]string) cgroupHost {
	t.Helper()
	root := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			return
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("proc/self/cgroup", group)
	put("proc/self/mountinfo", mounts)
	for name, text := range files {
		put(name, text)
	}
	return cgroupHost{
		root: root, uid: 1000,
		xattr: func(string, string) string { return "" },
		own:   func() ([]int, error) { return nil, nil },
	}
}

func TestDelegationIsRefused(t *testing.T) {
	const dir = "sys/fs/cgroup" + unit
	whole := map[string]string{dir + "/cgroup.type": "domain", dir + "/cgroup.controllers": "cpu io memory pids", dir + "/cgroup.procs": ""}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{whole, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	for _, tt := range []struct {
		name, group, mounts string
		files               map[string]string
		root                bool
		want                string
	}{
		{"cgroup v1 alone", "4:memory:/x\n", "", nil, false, "has no cgroup v2"},
		{"not mounted", "0::" + unit, "25 1 0:23 / /proc rw - proc proc rw\n", nil, false, "is not mounted here"},
		{"outside of our namespace", "0::/../../else", pureMounts, nil, false, "is not mounted here"},
		{"hybrid", "4:memory:/x\n1:name=systemd:/x\n0::" + unit, hybridMounts, map[string]string{"sys/fs/cgroup/unified" + unit + "/cgroup.controllers": ""}, false, "in cgroup v1"},
		{"no controllers", "0::" + unit, pureMounts, with(map[string]string{dir + "/cgroup.controllers": "pids"}), false, "no controllers were delegated to control group " + unit + ": write Delegate="},
		{"hidden", "0::" + unit, pureMounts, nil, false, "cannot be read"},
		{"systemd's own", "0::" + unit, pureMounts, with(map[string]string{"run/systemd/system/": ""}), true, "belongs to systemd"},
		{"shared", "0::" + unit, pureMounts, with(map[string]string{dir + "/cgroup.procs": "77\n", "proc/77/comm": "bash\n"}), false, "holds other processes, such as bash (process 77)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := fakeHost(t, tt.group, tt.mounts, tt.files)
			if tt.root {
				h.uid = 0
			}
			g := findGroups(h, "shop")
			if g.base != "" || g.memory || g.cpu || !strings.Contains(g.why, tt.want) {
				t.Errorf("%+v; want %q", *g, tt.want)
			}
			if left, _ := filepath.Glob(filepath.Join(h.root, dir, "holdfast.*")); len(left) > 0 {
				t.Errorf("it has changed %v", left)
			}
			if c, err := g.make("shop-1", Limits{Memory: 1}); c != nil || err != nil {
				t.Errorf("make: %v, %v", c, err)
			}
		})
	}
}

func TestDelegationIsTakenUp(t *testing.T) {
	name := groupName("shop")
	for _, tt := range []struct {
		name, group, dir, controllers string
		mark                          string // the folder that systemd has marked
	}{
		{"a unit", "0::" + unit, "sys/fs/cgroup" + unit, "cpu memory pids", "shop.service"},
		{"DelegateSubgroup=", "0::" + unit + "/main", "sys/fs/cgroup" + unit + "/main", "cpu memory", "shop.service"},
		{"a container", "0::/", "sys/fs/cgroup", "cpu memory", ""},
		{"moved before", "0::" + unit + "/holdfast.0000000000000000.self", "sys/fs/cgroup" + unit, "cpu memory", "shop.service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := fakeHost(t, tt.group, pureMounts, map[string]string{
				tt.dir + "/cgroup.type": "domain", tt.dir + "/cgroup.controllers": tt.controllers, tt.dir + "/cgroup.procs": "4711\n4712\n",
				tt.dir + "/cgroup.subtree_control": tt.controllers, tt.dir + "/" + name + "/cgroup.subtree_control": tt.controllers,
				tt.dir + "/" + name + ".self/cgroup.procs": "", "run/systemd/system/": "",
			})
			h.uid = 0
			h.own = func() ([]int, error) { return []int{4711, 4712}, nil }
			h.xattr = func(path, attr string) string {
				if filepath.Base(path) == tt.mark && attr == "trusted.delegate" {
					return "1"
				}
				return ""
			}
			g := findGroups(h, "shop")
			if g.base != filepath.Join(h.root, tt.dir, name) || !g.memory || !g.cpu || g.why != "" {
				t.Errorf("%+v", *g)
			}
			if data, err := os.ReadFile(g.base + ".self/cgroup.procs"); err != nil || string(data) != "4712" {
				t.Errorf("moved last: %q, %v", data, err)
			}
		})
	}
}

func TestNotWritable(t *testing.T) {
	for err, want := range map[error]string{unix.EROFS: "read-only: run the container", unix.EACCES: "was not delegated to user id", unix.ENOSPC: "no space"} {
		if got := notWritable(unit, &os.PathError{Op: "mkdir", Path: "x", Err: err}).Error(); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

func TestGroupMount(t *testing.T) {
	for _, tt := range []struct{ name, mounts, own, point, rel string }{
		{"usual", pureMounts, unit, "/sys/fs/cgroup", unit},
		{"hybrid", hybridMounts, unit, "/sys/fs/cgroup/unified", unit},
		{"a part", "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n", "/docker/abc/x", "/sys/fs/cgroup", "/x"},
		{"exactly that part", "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n", "/docker/abc", "/sys/fs/cgroup", ""},
		{"another part", "30 25 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n", "/docker/abc", "", ""},
		{"a name with a space", `30 25 0:26 / /my\040groups rw - cgroup2 none rw` + "\n", "/", "/my groups", "/"},
		{"broken", "30 25 - cgroup2\n- cgroup2 x\n", "/", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			point, rel, ok := groupMount([]byte(tt.mounts), tt.own)
			if point != tt.point || rel != tt.rel || ok != (tt.point != "") {
				t.Errorf("%q, %q, %v", point, rel, ok)
			}
		})
	}
}

func FuzzGroupMount(f *testing.F) {
	f.Add([]byte(pureMounts), "0::"+unit)
	f.Add([]byte(hybridMounts), "0::/\n")
	f.Fuzz(func(t *testing.T, mounts []byte, group string) {
		own, err := ownGroup([]byte(group))
		if err == nil && !strings.HasPrefix(own, "/") {
			t.Errorf("%q: group %q", group, own)
		}
		if point, _, ok := groupMount(mounts, own); !ok && point != "" {
			t.Errorf("%q", point)
		}
		groupValue(mounts, group)
	})
}

// TestJudge reads memory.events as the kernel writes it; build/cgroup has the kernel write it.
func TestJudge(t *testing.T) {
	events := func(oom, kills int) string {
		return "low 0\nhigh 0\nmax 75\noom " + strconv.Itoa(oom) + "\noom_kill " + strconv.Itoa(kills) + "\noom_group_kill 1\n"
	}
	killed := status.Exit{Code: -1, Signal: "SIGKILL", Text: "killed by SIGKILL, by somebody or for lack of memory"}
	for _, tt := range []struct {
		name   string
		events string
		limit  uint64
		exit   status.Exit
		reason status.Reason
		text   string
	}{
		{"its limit", events(1, 2), 512 << 20, killed, status.ReasonMemoryLimit, "killed by the kernel for using more than limits.memory (512MiB)"},
		{"a child of it", events(1, 1), 512 << 20, status.Exit{Code: 1, Text: "exit code 1"}, status.ReasonMemoryLimit, "exit code 1; the kernel had killed a process of it for using more than limits.memory (512MiB)"},
		{"the machine's lack", events(0, 1), 512 << 20, killed, "", "killed by the kernel because the machine, or all of Holdfast together, had no memory left"},
		{"without a limit", events(0, 1), 0, killed, "", "killed by the kernel because the machine, or all of Holdfast together, had no memory left"},
		{"somebody else", events(0, 0), 512 << 20, killed, "", killed.Text},
		{"limit touched, not killed", events(3, 0), 512 << 20, status.Exit{Code: 1, Text: "exit code 1"}, "", "exit code 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &group{groups: &groups{}, dir: t.TempDir(), limits: Limits{Memory: tt.limit}, limited: tt.limit > 0}
			if err := os.WriteFile(c.dir+"/memory.events", []byte(tt.events), 0o600); err != nil {
				t.Fatal(err)
			}
			got, tot := tt.exit, totals{}
			c.judge(&got, &tot)
			if got.Reason != tt.reason || got.Text != tt.text || (tot.peak == tt.limit) != (tt.reason != "") && tt.limit > 0 {
				t.Errorf("%q %q, peak %d; want %q %q", got.Reason, got.Text, tot.peak, tt.reason, tt.text)
			}
		})
	}
	var none *group
	exit := killed
	none.judge(&exit, &totals{})
	if exit.Text != killed.Text {
		t.Error("without a group the exit changes")
	}
}
