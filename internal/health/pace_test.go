package health

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTurnsAreSpread looks at a thousand instances in every slot of the usual periods.
func TestTurnsAreSpread(t *testing.T) {
	const instances = 1000
	for _, period := range []time.Duration{200 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second} {
		p := pace{began: time.Now()}
		slots := make(map[time.Duration]int)
		for range instances {
			slots[p.turn(p.offset(), period).phase]++
		}
		want := float64(instances) / float64(period/grid)
		for phase, n := range slots {
			if phase%grid != 0 || phase >= period {
				t.Errorf("period %v: a turn at %v", period, phase)
			}
			if float64(n) > 2*want+1 {
				t.Errorf("period %v: %d checks at %v, want about %.1f", period, n, phase, want)
			}
		}
	}
}

// TestTurns is about one probe's moments; a late one is followed by one in time.
func TestTurns(t *testing.T) {
	began := time.Now()
	u := turn{began: began, period: time.Second, phase: 300 * time.Millisecond}
	for _, tt := range []struct{ at, want time.Duration }{
		{0, 300 * time.Millisecond},
		{299 * time.Millisecond, time.Millisecond},
		{300 * time.Millisecond, time.Second},
		{340 * time.Millisecond, 960 * time.Millisecond},
		{5 * time.Second, 300 * time.Millisecond},
		{5*time.Second + 800*time.Millisecond, 500 * time.Millisecond},
	} {
		if got := u.next(began.Add(tt.at)); got != tt.want {
			t.Errorf("at %v: next in %v, want %v", tt.at, got, tt.want)
		}
	}
}

// TestEqualTurnsCoincide: every turn of a longer period is one of a shorter period that divides it.
func TestEqualTurnsCoincide(t *testing.T) {
	p := pace{began: time.Now()}
	for range 100 {
		offset := p.offset()
		short, long := p.turn(offset, time.Second), p.turn(offset, 5*time.Second)
		if (long.phase-short.phase)%time.Second != 0 {
			t.Errorf("offset %v: turns at %v and %v", offset, short.phase, long.phase)
		}
	}
}

func TestPauseIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, began := newPause(), time.Now()
		for range 3 {
			if err := p.sleep(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if got := time.Since(began); got != 3*time.Second {
			t.Errorf("three pauses took %v", got)
		}
	})
}
