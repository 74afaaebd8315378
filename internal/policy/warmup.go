package policy

import "math"

// coldFactor is by how much the rate is lower at first: Sentinel's and Guava's 3.
const coldFactor = 3

// curve is how the rate depends on the stored tokens: what was not used makes cold. Tokens come at the
// rate and every request takes one; above warning of them the time between two requests grows in a
// straight line, to coldFactor times the one of the full rate at most of them. A cold limiter that is used
// to its limit takes the warm-up's time to warning.
type curve struct {
	qps, warning, most, slope float64
}

func newCurve(qps float64, seconds float64) curve {
	c := curve{qps: qps}
	c.warning = math.Floor(seconds*qps) / (coldFactor - 1)
	c.most = c.warning + math.Floor(2*seconds*qps/(1+coldFactor))
	if c.most > c.warning {
		c.slope = (coldFactor - 1) / qps / (c.most - c.warning)
	}
	return c
}

// rate is how many requests a second may come now.
func (c *curve) rate(stored float64) float64 {
	if stored <= c.warning {
		return c.qps
	}
	return 1 / ((stored-c.warning)*c.slope + 1/c.qps)
}

// warmth is the state of one key. It is brought up to date once a second, as Sentinel's.
type warmth struct {
	stored float64
	synced int64
	passed float64 // in this second
	full   bool    // somebody was refused or had to wait in this second
}

func (w *warmth) begin(c *curve, now int64) { *w = warmth{stored: c.most, synced: now} }

// sync takes over the seconds that have passed. Tokens come below warning always, and above it only if the
// limiter is used so little that it cools: less than the cold rate, and less than it would let through.
func (w *warmth) sync(c *curve, now int64) {
	seconds := (now - w.synced) / second
	if seconds < 1 {
		return
	}
	if w.stored < c.warning || !w.full && w.passed < max(1, math.Floor(c.qps/coldFactor)) {
		w.stored = min(w.stored+c.qps, c.most)
	}
	w.stored = max(0, w.stored-w.passed)
	w.stored = min(w.stored+c.qps*float64(seconds-1), c.most)
	w.synced += seconds * second
	w.passed, w.full = 0, false
}
