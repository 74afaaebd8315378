package daemon

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestGrowth(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		name  string
		now   int
		live  uint64
		since time.Duration
		want  int
	}{
		{"a small heap under load", 100, 4 * mib, 10 * time.Millisecond, 800},
		{"a larger one grows by as many bytes", 100, 12 * mib, 10 * time.Millisecond, 400},
		{"a large one as Go has it", 100, 200 * mib, 10 * time.Millisecond, 100},
		{"nothing lives", 100, 0, 10 * time.Millisecond, 800},
		{"it has become large meanwhile", 800, 24 * mib, time.Second, 200},
		{"neither busy nor calm: it stays", 800, 4 * mib, time.Second, 800},
		{"neither, from the beginning", 100, 4 * mib, time.Second, 100},
		{"calm", 800, 4 * mib, time.Minute, 100},
		{"what lives is not known", 800, 1<<64 - 1, time.Millisecond, 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := growth(test.now, test.live, test.since); got != test.want {
				t.Errorf("growth(%d, %d, %s) = %d, want %d", test.now, test.live, test.since, got, test.want)
			}
		})
	}
}

// TestPace has a process under load collect less often, and leaves it as it was.
func TestPace(t *testing.T) {
	stop := pace(nil)
	deadline := time.Now().Add(time.Minute)
	kept := make([][]byte, 64)
	for n := 0; percent() <= calmGrowth; n++ {
		kept[n%len(kept)] = make([]byte, 16<<10)
		if time.Now().After(deadline) {
			t.Fatal("the collector's percentage did not grow under load")
		}
	}
	stop()
	if got := percent(); got != calmGrowth {
		t.Errorf("afterwards it is %d, want %d", got, calmGrowth)
	}
	pace([]string{"A=1", "GOGC=50"})() // somebody else has said
	if got := percent(); got != calmGrowth {
		t.Errorf("with GOGC in the environment it is %d, want what it was", got)
	}
}

func percent() int {
	now := debug.SetGCPercent(calmGrowth)
	debug.SetGCPercent(now)
	return now
}
