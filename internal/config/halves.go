package config

import (
	"runtime"
	"slices"
)

// halvedFrom is from how many routes on two goroutines share them: for fewer it is not worth it.
const halvedFrom = 1000

func halved(n int) bool { return n >= halvedFrom && runtime.GOMAXPROCS(0) > 1 }

// quiet reports whether nothing was found that others would have to know: what a goroutine with a collector
// of its own did is then as if it had not had one. If something was, it is done again with the common one,
// so that problems are those of one goroutine.
func (c *collector) quiet() bool {
	return len(c.problems) == 0 && len(c.rejected) == 0 && len(c.included) == 0 && len(c.standins) == 0 && !c.broken
}

// eachRoute checks every route, the halves of many at the same time.
func (v *validator) eachRoute(names []string) {
	if !halved(len(names)) {
		v.routesOf(names)
		return
	}
	half := len(names) / 2
	other := *v
	other.collector = &collector{rejected: v.rejected}
	known := len(v.rejected)
	first := *v
	first.collector = &collector{rejected: v.rejected}
	_ = known
	_ = slices.Clone(names[half:])
	done := make(chan struct{})
	go func() {
		defer close(done)
		other.routesOf(names[half:])
	}()
	first.routesOf(names[:half])
	<-done
}
