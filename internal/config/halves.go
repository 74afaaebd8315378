package config

import (
	"maps"
	"runtime"
)

// halvedFrom is from how many entries of a section on two goroutines share them: for fewer it is not worth it.
const halvedFrom = 1000

func halved(n int) bool { return n >= halvedFrom && runtime.GOMAXPROCS(0) > 1 }

// quiet reports whether nothing was found that anybody else has to know. What was done with a collector of its
// own is then as good as if it had been done with the common one. Otherwise it is done again with that, so
// that the problems, their order and their number are always the same.
func (c *collector) quiet() bool {
	return len(c.problems) == 0 && len(c.rejected) == 0 && len(c.included) == 0 && len(c.standins) == 0 && !c.broken
}

// eachRoute checks all routes, the halves of many at the same time.
func (v *validator) eachRoute(names []string) {
	if !halved(len(names)) || len(v.rejected) > 0 {
		v.checkRoutes(names)
		return
	}
	one, other := *v, *v
	one.collector, other.collector = &collector{}, &collector{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		other.checkRoutes(names[len(names)/2:])
	}()
	one.checkRoutes(names[:len(names)/2])
	<-done
	if !one.quiet() || !other.quiet() {
		v.checkRoutes(names)
	}
}

// entries reads the entries of a section into out, the halves of many at the same time.
func (r *reader) entries(pairs []pair, at path, s *shape, depth int, out map[string]any) {
	if !halved(len(pairs)) || r.layer.spots.indexed() {
		r.readEntries(pairs, at, s, depth, out)
		return
	}
	half := len(pairs) / 2
	other := *r
	other.collector, other.nodes = &collector{prints: fingerprints{}}, 0
	room := cap(r.layer.spots.list) - len(r.layer.spots.list)
	other.layer = &layer{src: r.layer.src, spots: &spots{list: make([]located, 0, room/2)}, written: map[path]string{}}
	read := make(map[string]any, len(pairs)-half)
	done := make(chan struct{})
	go func() {
		defer close(done)
		other.readEntries(pairs[half:], at, s, depth, read)
	}()
	r.readEntries(pairs[:half], at, s, depth, out)
	<-done
	if !other.quiet() || len(other.layer.written) > 0 || r.nodes+other.nodes >= maxNodes {
		r.readEntries(pairs[half:], at, s, depth, out)
		return
	}
	r.nodes += other.nodes
	maps.Copy(out, read)
	r.layer.spots.add(other.layer.spots)
}
