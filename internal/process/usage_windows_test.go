package process

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"

	"holdfast/internal/status"
)

func TestUsageOfATree(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "use", "64", "300", "0"), Output: o})
	waitLine(t, o, "used")
	u, err := c.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if u.Memory < 64<<20 || u.PeakMemory < u.Memory/2 || u.Processes < 1 || u.Threads < 2 || u.Time.IsZero() {
		t.Errorf("%+v", u)
	}
	if !onWine() && (u.CPUSeconds < 0.25 || u.Handles < 3) { // Wine 8 accounts for neither
		t.Errorf("%f s, %d handles", u.CPUSeconds, u.Handles)
	}
	family := start(t, l, Spec{ID: "family-1", Command: self(t, "family"), Output: o})
	waitLine(t, o, "family up")
	f, err := family.Usage()
	if err != nil || f.Processes < 4 || f.Threads < 8 {
		t.Errorf("family: %+v, %v", f, err)
	}
	family.Kill()
	if _, err := family.Usage(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after Kill: %v", err)
	}
	c.Kill()
	waitDone(t, c)
	if got := c.Exit().Usage; got == nil || got.Memory != u.Memory || got.PeakMemory < u.PeakMemory || got.CPUSeconds < u.CPUSeconds {
		t.Errorf("at the end: %+v, before %+v", got, u)
	}
}

// asked notes what limits a job object was asked to have.
type asked struct {
	flags  uint32
	memory uint64
	cpu    uint32
	ports  int
	refuse bool // every limit
	forget bool // every limit, when asked what they are
}

func (a *asked) bound(_ windows.Handle, flags uint32, memory uint64) error {
	if a.refuse && memory > 0 {
		return windows.ERROR_INVALID_PARAMETER
	}
	a.flags, a.memory = flags, memory
	return nil
}

func (a *asked) bounds(windows.Handle) (uint32, uint64, error) {
	if a.forget {
		return a.flags, 0, nil
	}
	return a.flags, a.memory, nil
}

func (a *asked) rate(_ windows.Handle, rate uint32) error {
	if a.refuse {
		return windows.ERROR_NOT_SUPPORTED
	}
	a.cpu = rate
	return nil
}

func (a *asked) rated(windows.Handle) (uint32, error) {
	if a.forget {
		return 0, nil
	}
	return a.cpu, nil
}

func (a *asked) port(windows.Handle) (windows.Handle, error) {
	a.ports++
	return 0, nil
}

func (*asked) processors() int { return 8 }

func TestJobLimits(t *testing.T) {
	const always = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	for _, tt := range []struct {
		name   string
		limits Limits
		refuse bool
		want   asked
		told   bool
	}{
		{"none", Limits{}, false, asked{flags: always}, false},
		{"memory", Limits{Memory: 512 << 20}, false, asked{flags: always | windows.JOB_OBJECT_LIMIT_JOB_MEMORY, memory: 512 << 20, ports: 1}, false},
		{"half a processor of eight", Limits{CPU: 0.5}, false, asked{flags: always, cpu: 625}, false},
		{"more processors than there are", Limits{CPU: 9}, false, asked{flags: always}, false},
		{"both", Limits{Memory: 1 << 20, CPU: 4}, false, asked{flags: always | windows.JOB_OBJECT_LIMIT_JOB_MEMORY, memory: 1 << 20, cpu: 5000, ports: 1}, false},
		{"refused", Limits{Memory: 1 << 20, CPU: 4}, true, asked{flags: always, refuse: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := &asked{refuse: tt.refuse}
			j, unlimited, err := newJob(got, tt.limits)
			if err != nil {
				t.Fatal(err)
			}
			j.close()
			if !cmp.Equal(*got, tt.want, cmp.AllowUnexported(asked{})) || (unlimited != nil) != tt.told {
				t.Errorf("asked for %+v, want %+v; told %v", *got, tt.want, unlimited)
			}
		})
	}
}

func TestEnforces(t *testing.T) {
	for _, tt := range []struct {
		name string
		sys  *asked
		want bool
	}{
		{"kept", &asked{}, true},
		{"refused", &asked{refuse: true}, false},
		{"forgotten", &asked{forget: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLauncher(LauncherOptions{Owner: t.Name()})
			l.jobs = tt.sys
			memory, cpu, why := l.Enforces()
			if memory != tt.want || cpu != tt.want || (why == "") != tt.want {
				t.Errorf("%v, %v, %q", memory, cpu, why)
			}
		})
	}
	// What the real calls make of it: Wine forgets limits, Windows keeps them.
	memory, cpu, why := NewLauncher(LauncherOptions{Owner: t.Name()}).Enforces()
	if memory == onWine() || cpu == onWine() || (why == "") == onWine() {
		t.Errorf("%v, %v, %q; on Wine: %v", memory, cpu, why, onWine())
	}
}

// TestMemoryLimitIsTold has the job's port say what Windows says there when the limit is reached.
func TestMemoryLimitIsTold(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "reader"), Output: o, Stop: StdinClose, Limits: Limits{Memory: 512 << 20}})
	waitLine(t, o, "up")
	if c.job.port == 0 {
		t.Fatal("no port")
	}
	const memoryLimit, newProcess = 10, 6 // JOB_OBJECT_MSG_*
	for _, message := range []uint32{newProcess, memoryLimit, newProcess} {
		if err := windows.PostQueuedCompletionStatus(c.job.port, message, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Signal(StdinClose); err != nil {
		t.Fatal(err)
	}
	waitDone(t, c)
	got := c.Exit()
	if want := "exit code 3; shortly before, it had used all of limits.memory (512MiB) and allocations failed"; got.Reason != status.ReasonMemoryLimit || got.Text != want {
		t.Errorf("%q, %q; want %q", got.Reason, got.Text, want)
	}
}
