package event

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bus hands events to subscribers and remembers the newest.
type Bus struct {
	mu     sync.Mutex
	nextID uint64
	// ring holds the newest events; the one with id i is at (i-1) % len(ring).
	ring    []Event
	subs    map[*Subscription]struct{}
	dropped atomic.Uint64
}

// NewBus makes a Bus that remembers the newest history events (at least 1).
func NewBus(history int) *Bus {
	return &Bus{
		nextID: 1,
		ring:   make([]Event, max(history, 1)),
		subs:   make(map[*Subscription]struct{}),
	}
}

// Publish gives body an id and the present time and hands it to every subscriber that has room. It
// never blocks, and subscribers see events in the order of their ids.
func (b *Bus) Publish(body Body) Event {
	e := Event{
		Type:     body.Type(),
		Severity: body.Severity(),
		Message:  body.Message(),
		Data:     body,
	}
	e.App, e.Instance = body.subject()

	b.mu.Lock()
	defer b.mu.Unlock()
	e.ID, e.Time = b.nextID, time.Now()
	b.nextID++
	b.ring[(e.ID-1)%uint64(len(b.ring))] = e
	for sub := range b.subs {
		select {
		case sub.c <- e:
		default:
			sub.dropped.Add(1)
			b.dropped.Add(1)
		}
	}
	return e
}

// Dropped counts the events that subscribers lost because they did not keep up.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// Subscription receives the events published after it was made.
type Subscription struct {
	// C has the events; it is closed by Close.
	C       <-chan Event
	c       chan Event
	bus     *Bus
	dropped atomic.Uint64
}

// Dropped counts the events that this subscription lost because C was full. A jump in the ids of
// what C delivers says where.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription; it may be called twice.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if _, ok := s.bus.subs[s]; ok {
		delete(s.bus.subs, s)
		close(s.c)
	}
}

// Subscribe starts a subscription that holds up to buffer unread events (at least 1).
func (b *Bus) Subscribe(buffer int) *Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.subscribe(buffer)
}

func (b *Bus) subscribe(buffer int) *Subscription {
	c := make(chan Event, max(buffer, 1))
	sub := &Subscription{C: c, c: c, bus: b}
	b.subs[sub] = struct{}{}
	return sub
}

// SubscribeSince starts a subscription and returns the remembered events after afterID, so that
// nothing between the two is lost or seen twice. gap is true when events after afterID are no
// longer remembered, or when afterID is from another run.
func (b *Bus) SubscribeSince(afterID uint64, buffer int) (sub *Subscription, missed []Event, gap bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := b.oldest()
	if afterID >= b.nextID {
		afterID, gap = 0, true
	}
	if afterID+1 < oldest {
		gap = true
	}
	for id := max(afterID+1, oldest); id < b.nextID; id++ {
		missed = append(missed, b.at(id))
	}
	return b.subscribe(buffer), missed, gap
}

// Query narrows List; zero fields do not narrow.
type Query struct {
	App      string
	Instance string
	Type     Type
	// MinSeverity leaves out what is less severe.
	MinSeverity Severity
	// AfterID leaves out ids up to it.
	AfterID uint64
	// Newest returns the newest first instead of the oldest.
	Newest bool
	// Limit bounds the result (0 = all); Offset skips.
	Limit, Offset int
}

func (q Query) wants(e Event) bool {
	return (q.App == "" || e.App == q.App) &&
		(q.Instance == "" || e.Instance == q.Instance) &&
		(q.Type == "" || e.Type == q.Type) &&
		e.Severity.rank() >= q.MinSeverity.rank() &&
		e.ID > q.AfterID
}

// List returns the remembered events that q wants, and how many there are without Limit and Offset.
func (b *Bus) List(q Query) (events []Event, total int) {
	b.mu.Lock()
	all := make([]Event, 0, min(b.nextID-1, uint64(len(b.ring))))
	for id := b.oldest(); id < b.nextID; id++ {
		all = append(all, b.at(id))
	}
	b.mu.Unlock()

	all = slices.DeleteFunc(all, func(e Event) bool { return !q.wants(e) })
	if q.Newest {
		slices.Reverse(all)
	}
	total = len(all)
	all = all[min(max(q.Offset, 0), total):]
	if q.Limit > 0 {
		all = all[:min(q.Limit, len(all))]
	}
	return all, total
}

// oldest is the id of the oldest remembered event (nextID when there is none).
func (b *Bus) oldest() uint64 {
	if size := uint64(len(b.ring)); b.nextID > size {
		return b.nextID - size
	}
	return 1
}

func (b *Bus) at(id uint64) Event { return b.ring[(id-1)%uint64(len(b.ring))] }
