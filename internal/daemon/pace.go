package daemon

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"
)

// How much the garbage collector may let the heap grow between two collections, in percent of what lives.
// Under load a small heap would be collected dozens of times a second, which costs an eighth of the
// processor time; when little is asked for, memory is the dearer thing.
const (
	calmGrowth = 100 // Go's own
	mostGrowth = 800
	// growthBytes bounds what that comes to.
	growthBytes = 48 << 20
	// Collections closer together than busyWithin are under load; further apart than calmAfter they are not.
	busyWithin = 250 * time.Millisecond
	calmAfter  = 10 * time.Second
)

// growth is what the percentage is to be after a collection that left live bytes, and came since the one
// before it.
func growth(now int, live uint64, since time.Duration) int {
	most := max(calmGrowth, int(min(mostGrowth, growthBytes*100/max(live, 1))))
	switch {
	case since < busyWithin:
		return most
	case since > calmAfter:
		return calmGrowth
	default:
		return min(now, most)
	}
}

// pacer follows the collections of the process: each one sets the percentage for the next.
type pacer struct {
	mu      sync.Mutex
	last    time.Time
	now     int
	stopped bool
	sample  []metrics.Sample
}

// pace begins to pace the garbage collector, unless the environment says how it is to be (GOGC). The caller
// calls the function that it returns at the end.
func pace(environ []string) (stop func()) {
	if slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		return func() {}
	}
	p := &pacer{now: calmGrowth, last: time.Now(), sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.await()
	return p.stop
}

// marker is what a collection finds unused. It holds a pointer, so that it is an object of its own.
type marker struct{ _ *marker }

func (p *pacer) await() { runtime.AddCleanup(&marker{}, (*pacer).collected, p) }

func (p *pacer) collected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	metrics.Read(p.sample)
	live := uint64(math.MaxUint64)
	if v := p.sample[0].Value; v.Kind() == metrics.KindUint64 {
		live = v.Uint64()
	}
	now := time.Now()
	next := growth(p.now, live, now.Sub(p.last))
	p.last = now
	if next != p.now { // it stops the world
		p.now = next
		debug.SetGCPercent(next)
	}
	p.await()
}

func (p *pacer) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	debug.SetGCPercent(calmGrowth)
}
