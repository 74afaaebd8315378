package process

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"testing"

	"holdfast/internal/status"
)

// measureUntil measures until what holds.
func measureUntil(t *testing.T, c *Child, what string, holds func(u status.Usage) bool) status.Usage {
	t.Helper()
	var u status.Usage
	until(t, what, func() bool {
		got, err := c.Usage()
		if err != nil {
			t.Fatal(err)
		}
		u = got
		return holds(u)
	})
	return u
}

func TestUsageOfATree(t *testing.T) {
	l, o := launch(t), output(t)
	other := start(t, l, Spec{ID: "other-1", Command: self(t, "use", "64", "0", "0"), Output: o})
	waitLine(t, o, "used")
	single := measureUntil(t, other, "its memory", func(u status.Usage) bool { return u.Memory > 64<<20 })
	if single.Processes != 1 || single.Threads < 2 || single.Handles < 3 || single.Memory > 400<<20 {
		t.Errorf("one process: %+v", single)
	}
	if single.PeakMemory < single.Memory {
		t.Errorf("peak %d below %d", single.PeakMemory, single.Memory)
	}

	o = output(t)
	tok := token(t)
	c := start(t, l, Spec{Command: self(t, "orphans", tok), Output: o})
	waitLine(t, o, "family up")
	waitDone(t, c)
	// The leader is gone; one child and four that have a session of their own are left.
	u := measureUntil(t, c, "five processes", func(u status.Usage) bool { return u.Processes == 5 })
	if u.Threads < 10 || u.Handles < 15 || u.Memory < 2<<20 {
		t.Errorf("adopted processes: %+v", u)
	}
	if u.CPUSeconds < c.Exit().Usage.CPUSeconds {
		t.Errorf("%f s, less than the leader alone had used: %f s", u.CPUSeconds, c.Exit().Usage.CPUSeconds)
	}
	c.Kill()
	if _, err := c.Usage(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after Kill: %v", err)
	}
	if again := measureUntil(t, other, "nothing", func(status.Usage) bool { return true }); again.Processes != 1 {
		t.Errorf("the other tree: %+v", again)
	}
}

func TestUsageCountsProcessorTimeOfTheDead(t *testing.T) {
	l, o := launch(t), output(t)
	// A child of the leader burns, is waited for, and is gone.
	c := start(t, l, Spec{Command: self(t, "use", "0", "300", "1"), Output: o})
	waitLine(t, o, "used")
	u := measureUntil(t, c, "time", func(u status.Usage) bool { return u.CPUSeconds >= 0.25 })
	if u.Processes != 1 {
		t.Errorf("%+v", u)
	}
	before := u.CPUSeconds
	c.Kill()
	waitDone(t, c)
	end := c.Exit().Usage
	if end == nil || end.CPUSeconds < before || end.CPUSeconds > before+5 {
		t.Errorf("at the end: %+v, before %f s", end, before)
	}
}

func TestUsageCountsProcessorTimeOfOrphans(t *testing.T) {
	l := launch(t)
	// It is adopted, burns, ends, and nobody but us waits for it.
	c := start(t, l, Spec{Command: []string{"sh", "-c", `("$0" as use 0 300 0 end &); exec sleep 1000`, self(t, "x")[0]}})
	measureUntil(t, c, "the leader alone, with the orphan's time", func(u status.Usage) bool { return u.Processes == 1 && u.CPUSeconds >= 0.3 })
}

func TestUsageAtTheEnd(t *testing.T) {
	l := launch(t)
	c := start(t, l, Spec{Command: self(t, "use", "300", "300", "0", "end")})
	waitDone(t, c)
	u := c.Exit().Usage
	if u == nil || u.CPUSeconds < 0.25 || u.PeakMemory < 300<<20 || u.PeakMemory > 2000<<20 || !u.Time.Equal(c.Exit().EndedAt) {
		t.Fatalf("without a measurement before: %+v", u)
	}
	// What a small program shares with us until its first instruction is not its own.
	ballast := make([]byte, 64<<20)
	for i := 0; i < len(ballast); i += 1024 {
		ballast[i] = 1
	}
	defer runtime.KeepAlive(ballast)
	small := start(t, l, Spec{Command: []string{"/bin/true"}})
	waitDone(t, small)
	if got := small.Exit().Usage; got != nil && got.PeakMemory > 16<<20 {
		t.Errorf("peak of /bin/true: %d MiB", got.PeakMemory>>20)
	}
}

func TestMeasuringGivesItsDescriptorsBack(t *testing.T) {
	l := launch(t)
	before := openHandles(t)
	for range 3 {
		o := NewOutput(OutputOptions{})
		c := start(t, l, Spec{Command: self(t, "family", token(t)), Output: o})
		waitLine(t, o, "family up")
		measureUntil(t, c, "its processes", func(u status.Usage) bool { return u.Processes == 6 })
		if l.kept.n.Load() != 6 {
			t.Errorf("%d descriptors are kept, want one per process", l.kept.n.Load())
		}
		c.Kill()
	}
	if n := l.kept.n.Load(); n != 0 {
		t.Errorf("%d are counted as kept", n)
	}
	if after := openHandles(t); after > before+2 {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	l.kept.most.Store(0)
	o := NewOutput(OutputOptions{})
	c := start(t, l, Spec{Command: self(t, "wait"), Output: o})
	waitLine(t, o, "up")
	if u := measureUntil(t, c, "one", func(status.Usage) bool { return true }); u.Processes != 1 || u.Memory == 0 || l.kept.n.Load() != 0 {
		t.Errorf("without descriptors to keep: %+v, %d kept", u, l.kept.n.Load())
	}
}

func TestCensusNoticesReplacedProcesses(t *testing.T) {
	l, o := launch(t), output(t)
	tok := token(t)
	c := start(t, l, Spec{Command: self(t, "family", tok), Output: o})
	waitLine(t, o, "family up")
	measureUntil(t, c, "six", func(u status.Usage) bool { return u.Processes == 6 })
	for _, pid := range bearing(t, tok) {
		if pid != c.PID() {
			p, err := os.FindProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.Kill()
		}
	}
	// The census is half a second old at most. The leader does not wait for its own child, which
	// stays a zombie.
	measureUntil(t, c, "one process and one zombie", func(u status.Usage) bool { return u.Processes == 1 && l.kept.n.Load() == 2 })
}

// Orphans are adopted by the first thread; Kill does not look for them below the forking one.
func TestForkingThreadIsNotTheFirst(t *testing.T) {
	if out, err := command(t, "first").CombinedOutput(); err != nil || string(out) != "another thread forks\n" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestParseStatLine(t *testing.T) {
	const tail = " 0 -1 4194304 1 2 3 4 70 31 1100 5 20 0 3 0 8071 2342912 195 18446744073709551615 1 1 0"
	for _, tt := range []struct {
		name, line string
		want       statLine
		ok         bool
	}{
		{"usual", "4711 (sh) S 1 4711 4700" + tail, statLine{parent: 1, session: 4700, threads: 3, living: true, ticks: 1206, start: 8071, rss: 195}, true},
		{"name like a line", "4711 (a) R 9 (b) S 1 4711 4700" + tail + "\n", statLine{parent: 1, session: 4700, threads: 3, living: true, ticks: 1206, start: 8071, rss: 195}, true},
		{"first thread gone", "4711 (java) Z 1 4711 4700" + tail, statLine{parent: 1, session: 4700, threads: 3, living: true, ticks: 1206, start: 8071, rss: 195}, true},
		{"zombie", "4711 (sh) Z 1 4711 4700 0 -1 4 1 2 3 4 7 3 0 0 20 0 1 0 8071 0 0", statLine{parent: 1, session: 4700, threads: 1, ticks: 10, start: 8071}, true},
		{"cut off", "4711 (sh) S 1 4711", statLine{}, false},
		{"no number", "4711 (sh) S x 4711 4700" + tail, statLine{}, false},
		{"empty", "", statLine{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseStatLine([]byte(tt.line))
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("%+v, %v; want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzParseStatLine(f *testing.F) {
	f.Add([]byte("4711 (sh) S 1 4711 4700 0 -1 4194304 1 2 3 4 70 31 1100 5 20 0 3 0 8071 2342912 195"))
	f.Add([]byte(") S -1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, ok := parseStatLine(data); ok && l.start == 0 && l.ticks == 0 && len(data) < 20 {
			t.Errorf("%q is too short for %+v", data, l)
		}
		for n, inode := range numbered(data) {
			if n < 0 && inode == 0 {
				t.Errorf("entry %d", n)
			}
		}
	})
}

func TestSelfIsFoundInTheCensus(t *testing.T) {
	l := launch(t)
	if err := l.census.take(l); err != nil {
		t.Fatal(err)
	}
	r := l.census.known[os.Getpid()]
	if r == nil || r.parent != os.Getppid() {
		t.Fatalf("ourselves: %+v, want parent %s", r, strconv.Itoa(os.Getppid()))
	}
	// A parent that has died, and whose pid another process has now.
	r.parent, r.parentInode = 1, 1
	if err := l.census.take(l); err != nil || r.parent != os.Getppid() {
		t.Errorf("again: %+v, %v", r, err)
	}
}
