package policy

// slots bounds the groups of a window: a group is a 32nd of the limit at most, and of the span.
const slots = 32

// window counts what came within the last span. Requests are kept in groups that leave the window together,
// a span after the first of them came: up to a limit of slots every request is a group of its own and the
// count is exact; beyond that a window may take a group more than its limit, but refuses nothing below it,
// and what repeats every span leaves in time for its repetition.
type window struct {
	span   int64   // nanoseconds
	size   int64   // of a group
	ring   []group // oldest at head
	head   int
	groups int
	count  int64
	seen   int64 // the time of the last look
}

type group struct {
	began int64
	count int64
}

// begin makes a window for up to limit requests, reusing its memory.
func (w *window) begin(limit, span, now int64) {
	size := max(1, (limit+slots-1)/slots)
	n := int(limit)
	if size > 1 { // as many as are full, and as many as were closed by their age
		n = 2*slots + 2
	}
	ring := w.ring
	if cap(ring) < n {
		ring = make([]group, n)
	}
	*w = window{span: span, size: size, ring: ring[:n], seen: now}
}

// look forgets what left the window by now. It returns how many requests the window would have had room
// for since the last look, beside those that came.
func (w *window) look(now int64, limit float64) (unused float64) {
	for w.groups > 0 {
		oldest := &w.ring[w.head]
		end := oldest.began + w.span
		if end > now {
			break
		}
		unused += (limit - float64(w.count)) * float64(end-w.seen)
		w.seen = end
		w.count -= oldest.count
		w.head = (w.head + 1) % len(w.ring)
		w.groups--
	}
	unused += (limit - float64(w.count)) * float64(now-w.seen)
	w.seen = now
	return unused / float64(w.span)
}

// add counts one request; look came before, and found less than the limit.
func (w *window) add(now int64) {
	last := &w.ring[(w.head+max(0, w.groups-1))%len(w.ring)]
	if w.groups == 0 || last.count == w.size || now-last.began > w.span/slots {
		last = &w.ring[(w.head+w.groups)%len(w.ring)]
		*last = group{began: now}
		w.groups++
	}
	last.count++
	w.count++
}

// undo takes back one request.
func (w *window) undo() {
	if w.groups == 0 {
		return
	}
	last := &w.ring[(w.head+w.groups-1)%len(w.ring)]
	last.count--
	w.count--
	if last.count == 0 {
		w.groups--
	}
}

// room is how long it takes until something leaves the window.
func (w *window) room(now int64) int64 {
	if w.groups == 0 {
		return w.span
	}
	return w.ring[w.head].began + w.span - now
}
