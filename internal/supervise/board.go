package supervise

import (
	"context"
	"sync"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// expectWithin is how soon an instance in Backoff must be tried for requests to wait for it.
const expectWithin = 10 * time.Second

// board is where instances post how they are, and where those that wait for other apps look. It tells
// the gateway when an app without a ready instance will have one soon, publishes when an app goes down
// as a whole and when it is back, and wakes Run when an app needs its attention.
//
// A post wakes only those who wait for the very app, so that its cost does not grow with the fleet.
type board struct {
	bus *event.Bus
	// expect is Balancer.Expect; it is called with mu held, so that the newest word is the last one.
	expect func(app string, coming bool)

	// wake has an element while news is not empty.
	wake chan struct{}

	mu   sync.Mutex
	apps map[string]*boardEntry
	// news are the apps that need Run's attention.
	news map[string]bool
}

// boardEntry is what is posted about one app.
type boardEntry struct {
	name  string
	seats map[string]seat
	// How many seats are so.
	ready, done, coming, waiting, failing int

	// job is true for an app that others wait for until it has ended well.
	job bool
	// needs are the apps it depends on, neededBy those that depend on it.
	needs, neededBy []*boardEntry
	// met says that others need not wait for it (any more); hopeful that it is worth waiting.
	met, hopeful bool
	// changed is closed when met becomes true; nil while nobody waits.
	changed chan struct{}
	// expected is what the gateway was told last.
	expected bool
	// watched has Run told of every instance that becomes ready.
	watched bool
	// updating guards against a cycle of dependencies, which cannot pass validation.
	updating bool

	// downSince is set while an app that was ready once has no ready instance. untold says that its
	// app.down was not published, because of its maintenance.
	downSince  time.Time
	untold     bool
	maintained bool
}

// seat is what is posted about one instance.
type seat struct {
	// ready is in balancing; done ended well for good.
	ready, done bool
	// coming will be ready soon if all goes well; waiting will, too, once its app's needs are met.
	coming, waiting bool
	// served was ready once since its process was started.
	served bool
	// failing is in a crash loop, or could not be started for good.
	failing bool
	// nextTry of an instance in Backoff.
	nextTry time.Time
}

// posting is what an instance tells.
type posting struct {
	view *status.Instance
	// job: see isJob.
	job bool
	// returns is true for an instance that will be started again after its stop.
	returns bool
	// waits is true while it is Pending because of its app's dependencies, held while it is because of
	// its app's maintenance.
	waits, held bool
}

func newBoard(bus *event.Bus, expect func(string, bool)) *board {
	return &board{
		bus: bus, expect: expect, wake: make(chan struct{}, 1),
		apps: make(map[string]*boardEntry), news: make(map[string]bool),
	}
}

// entry is the app's entry, made if there is none. mu is held.
func (b *board) entry(name string) *boardEntry {
	e, ok := b.apps[name]
	if !ok {
		e = &boardEntry{name: name, seats: make(map[string]seat)}
		b.apps[name] = e
	}
	return e
}

// depend makes needs what each app depends on, and forgets apps that are neither listed nor have an
// instance.
func (b *board) depend(needs map[string][]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.apps {
		e.needs, e.neededBy = nil, nil
		if _, ok := needs[name]; !ok && len(e.seats) == 0 && e.changed == nil {
			delete(b.apps, name)
		}
	}
	for name, list := range needs {
		e := b.entry(name)
		for _, need := range list {
			other := b.entry(need)
			e.needs = append(e.needs, other)
			other.neededBy = append(other.neededBy, e)
		}
	}
}

// post notes the present state of an instance.
func (b *board) post(p posting, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := p.view
	e := b.entry(v.App)
	e.job = p.job
	old := e.seats[v.ID]
	s := old.next(p, now)
	e.seats[v.ID] = s
	before := e.ready
	e.count(old, -1)
	e.count(s, 1)
	b.tell(e, before, v, now)
	b.update(e)
	if s.failing != old.failing || s.ready != old.ready && e.watched {
		b.attend(e.name)
	}
}

// next is the seat that follows s with p.
func (s seat) next(p posting, now time.Time) seat {
	v := p.view
	next := seat{ready: v.Ready, done: endedWell(v), nextTry: v.NextTry, served: s.served || v.Ready}
	switch v.State {
	case status.Pending:
		next.served = false
		next.waiting, next.coming = p.waits, !p.waits && !p.held
	case status.Starting:
		next.served = false
		next.coming = true
	case status.Running:
		next.coming = !v.Ready && !next.served
	case status.Draining, status.Stopping:
		next.coming = p.returns
	case status.Backoff:
		next.coming = v.NextTry.Sub(now) <= expectWithin
	case status.CrashLoop:
		next.failing = true
	case status.Exited:
		next.failing = failedForGood(v)
	case status.Stopped:
	}
	return next
}

// failedForGood reports whether an instance stays down because it could not be started.
func failedForGood(v *status.Instance) bool {
	if v.State != status.Exited || v.LastExit == nil {
		return false
	}
	return v.LastExit.Reason == status.ReasonStartFailed || v.LastExit.Reason == status.ReasonStartupProbe
}

func (e *boardEntry) count(s seat, by int) {
	for _, c := range []struct {
		in bool
		n  *int
	}{{s.ready, &e.ready}, {s.done, &e.done}, {s.coming, &e.coming}, {s.waiting, &e.waiting}, {s.failing, &e.failing}} {
		if c.in {
			*c.n += by
		}
	}
}

// tell publishes when the app goes down or is back.
func (b *board) tell(e *boardEntry, before int, v *status.Instance, now time.Time) {
	lost := before > 0 && e.ready == 0
	switch {
	case lost && unasked(v):
		e.downSince = now
		e.untold = e.maintained
		if !e.untold {
			b.bus.Publish(event.AppDown{About: event.About{App: e.name}, Why: v.Why})
		}
	case lost:
		e.downSince, e.untold = time.Time{}, false
	case before == 0 && e.ready > 0 && !e.downSince.IsZero():
		if !e.untold {
			b.bus.Publish(event.AppRecovered{About: event.About{App: e.name}, After: event.Seconds(now.Sub(e.downSince))})
		}
		e.downSince, e.untold = time.Time{}, false
	case e.untold && !e.maintained && isSettled(v) && !v.Ready && v.State != status.Stopped:
		// The maintenance is over, and it did not come back.
		e.untold = false
		b.bus.Publish(event.AppDown{About: event.About{App: e.name}, Why: v.Why})
	}
}

// update draws the conclusions of changed seats, for the app and those that depend on it. mu is held.
func (b *board) update(e *boardEntry) {
	if e.updating {
		return
	}
	e.updating = true
	defer func() { e.updating = false }()

	wasMet, wasHopeful := e.met, e.hopeful
	e.met = e.done > 0 || e.ready > 0 && !e.job
	worthIt := e.coming > 0 || e.waiting > 0 && e.needsAreHopeful()
	e.hopeful = e.met || e.ready > 0 || worthIt
	if expected := e.ready == 0 && worthIt; expected != e.expected {
		e.expected = expected
		b.expect(e.name, expected)
	}
	if e.met && e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
	if e.met != wasMet || e.hopeful != wasHopeful {
		for _, other := range e.neededBy {
			b.update(other)
		}
	}
}

func (e *boardEntry) needsAreHopeful() bool {
	for _, need := range e.needs {
		if !need.hopeful {
			return false
		}
	}
	return true
}

// losing is told before a ready instance whose process ended is taken out of balancing, when it is not
// known yet whether it returns: requests that come meanwhile wait until its next post says so.
func (b *board) losing(app, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(app)
	if e.ready == 1 && e.seats[id].ready && !e.expected {
		e.expected = true
		b.expect(app, true)
	}
}

// maintain says whether the app is in maintenance: then nobody is alarmed.
func (b *board) maintain(app string, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entry(app).maintained = on
}

// watch says whether Run wants to know of every instance of the app that becomes ready.
func (b *board) watch(app string, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entry(app); e.watched != on {
		e.watched = on
		if on {
			b.attend(app) // it may have happened just before
		}
	}
}

// refresh notes that time has passed: what waits for its next try may be near it now.
func (b *board) refresh(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.apps {
		for id, s := range e.seats {
			if !s.nextTry.IsZero() && !s.coming && !s.failing && s.nextTry.Sub(now) <= expectWithin {
				s.coming = true
				e.coming++
				e.seats[id] = s
				b.update(e)
			}
		}
	}
}

// attend has Run look at the app. mu is held.
func (b *board) attend(app string) {
	b.news[app] = true
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// takeNews returns the apps that need attention, and forgets them.
func (b *board) takeNews() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	news := b.news
	b.news = make(map[string]bool)
	return news
}

// unasked reports whether an instance is out of balancing though nobody wanted it to be.
func unasked(v *status.Instance) bool {
	return v.State != status.Draining && v.State != status.Stopping && v.State != status.Stopped && !endedWell(v)
}

// endedWell reports whether an instance did its work and stays down.
func endedWell(v *status.Instance) bool {
	return v.State == status.Exited && v.LastExit != nil &&
		v.LastExit.Reason == status.ReasonExit && v.LastExit.Code == 0
}

// remove forgets an instance that is gone for good.
func (b *board) remove(app, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.apps[app]
	if !ok {
		return
	}
	e.count(e.seats[id], -1)
	delete(e.seats, id)
	b.update(e)
}

// missing are those of the apps that have no ready instance, or, for jobs, none that ended well.
func (b *board) missing(apps []string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, name := range apps {
		if e, ok := b.apps[name]; !ok || !e.met {
			out = append(out, name)
		}
	}
	return out
}

// wait returns true once every app has a ready instance, or one that did its work and ended well; of
// a job only the latter counts. It returns false when ctx ends first.
func (b *board) wait(ctx context.Context, apps []string) bool {
	for {
		changed := b.change(apps)
		if changed == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// change is closed once the first of the apps that is missing no longer is; nil when none is missing.
func (b *board) change(apps []string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range apps {
		e := b.entry(name)
		if e.met {
			continue
		}
		if e.changed == nil {
			e.changed = make(chan struct{})
		}
		return e.changed
	}
	return nil
}
