package upstream

import "time"

// coldShare is the part of its share that a target begins with.
const coldShare = 0.1

// scale is how much of its weight a target has at a moment: all of it, or with a slow start a part that
// grows evenly with the time since it became ready. Only the shares among targets matter: if all are as
// new as each other, as after Holdfast's own start, none is held back.
type scale struct {
	on   bool
	now  time.Time
	over time.Duration
}

// scaleOf looks at the clock only while a target is new.
func (b *Balancer) scaleOf(l *lineup) scale {
	if b.o.SlowStart <= 0 || l.newest.IsZero() || b.warmed.Load() == l.of {
		return scale{}
	}
	now := time.Now()
	if now.Sub(l.newest) >= b.o.SlowStart {
		b.warmed.Store(l.of)
		return scale{}
	}
	return scale{true, now, b.o.SlowStart}
}

// of is the weight of c at this moment.
func (s scale) of(c *candidate) float64 { return float64(c.weight) * s.factor(c) }

func (s scale) factor(c *candidate) float64 {
	if !s.on || c.since.IsZero() {
		return 1
	}
	age := s.now.Sub(c.since)
	if age >= s.over {
		return 1
	}
	return coldShare + (1-coldShare)*float64(max(0, age))/float64(s.over)
}

// top is the highest factor of a tier.
func (s scale) top(t *tier) float64 {
	most := 0.0
	for i := range t.list {
		most = max(most, s.factor(&t.list[i]))
	}
	return most
}
