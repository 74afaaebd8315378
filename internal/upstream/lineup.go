package upstream

import (
	"math/bits"
	"slices"
	"time"
)

// lineup is what is picked from. It is replaced as a whole and never modified once it is used.
type lineup struct {
	of     uint64    // the generation of the ready list that it was made of
	tiers  [2]tier   // those with a weight, and those that stand in when all of them are out
	newest time.Time // when the last of them became ready; zero: all were there from the beginning
}

// tier are targets of which each has its share.
type tier struct {
	list []candidate
	// ends are the weights summed up; nil when all are the same.
	ends        []uint64
	total, step uint64
}

// candidate is a target as it stands in a lineup.
type candidate struct {
	m      *member
	weight uint64
	seed   uint64    // for config.Hash
	since  time.Time // when it became ready; zero: it was from the beginning
	record *record   // nil without an outlier rule
	token  Token
}

// newLineup is that of the ready members.
func newLineup(generation uint64, ready []*member) *lineup {
	l := &lineup{of: generation}
	for _, m := range ready {
		c := candidate{m: m, weight: max(1, m.weight), seed: m.seed, since: m.since}
		t := &l.tiers[0]
		if m.weight == 0 {
			t = &l.tiers[1]
		}
		t.list = append(t.list, c)
		if m.since.After(l.newest) {
			l.newest = m.since
		}
	}
	l.weigh()
	return l
}

func (l *lineup) clone() *lineup {
	own := &lineup{of: l.of, newest: l.newest}
	for t := range l.tiers {
		own.tiers[t].list = slices.Clone(l.tiers[t].list)
	}
	return own
}

// without takes out what out says.
func (l *lineup) without(out func(*candidate) bool) {
	for t := range l.tiers {
		l.tiers[t].list = slices.DeleteFunc(l.tiers[t].list, func(c candidate) bool { return out(&c) })
	}
}

func (l *lineup) size() int { return len(l.tiers[0].list) + len(l.tiers[1].list) }

// weigh prepares the picking by weights.
func (l *lineup) weigh() {
	for t := range l.tiers {
		l.tiers[t].weigh()
	}
}

func (t *tier) weigh() {
	if len(t.list) == 0 {
		return
	}
	divisor, equal := t.list[0].weight, true
	for i := range t.list {
		divisor = gcd(divisor, t.list[i].weight)
		equal = equal && t.list[i].weight == t.list[0].weight
	}
	if equal {
		return
	}
	t.ends = make([]uint64, len(t.list))
	for i := range t.list {
		t.total += t.list[i].weight / divisor
		t.ends[i] = t.total
	}
	t.step = stride(t.total)
}

// stride is how far apart two turns in a row are, of total places. It has no divisor in common with total,
// so that every place is met once in total turns; and it is as near as can be to the golden section, so
// that the turns of every target are spread evenly (the three-distance theorem: Knuth, The Art of Computer
// Programming, vol. 3, 6.4).
func stride(total uint64) uint64 {
	at, _ := bits.Mul64(total, golden)
	for off := uint64(0); ; off++ {
		if at > off && gcd(at-off, total) == 1 {
			return at - off
		}
		if gcd(at+off, total) == 1 {
			return at + off
		}
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// golden is 2^64 divided by the golden ratio.
const golden = 0x9E3779B97F4A7C15

// at is whose turn it is: of total turns in a row each target has as many as its weight.
func (t *tier) at(turn uint64) int {
	if t.ends == nil {
		return int(turn % uint64(len(t.list))) //nolint:gosec // smaller than its length
	}
	return t.place(turn % t.total * t.step % t.total)
}

// place is who has the place x of total.
func (t *tier) place(x uint64) int {
	if t.ends == nil {
		return int(x) //nolint:gosec // smaller than the list's length
	}
	i, found := slices.BinarySearch(t.ends, x)
	if found {
		i++ // a target has the places below its end
	}
	return i
}

// draw is one of the targets by chance, by their weights.
func (t *tier) draw(random uint64) int {
	of := t.total
	if t.ends == nil {
		of = uint64(len(t.list))
	}
	x, _ := bits.Mul64(random, of)
	return t.place(x)
}
