package supervise

import (
	"context"
	"sync"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// board is where instances post whether they can be depended on, and where those that wait for
// others look. It also tells when an app goes down as a whole and when it is back.
type board struct {
	bus *event.Bus

	mu   sync.Mutex
	apps map[string]*boardEntry
	// changed is closed and replaced with every post.
	changed chan struct{}
}

// boardEntry is what is posted about one app.
type boardEntry struct {
	// ready are the instances in balancing; done those that ended well for good.
	ready, done map[string]bool
	// job is true for an app that others wait for until it has ended well.
	job bool
	// downSince is set while an app that was ready once has no ready instance.
	downSince time.Time
}

func newBoard(bus *event.Bus) *board {
	return &board{bus: bus, apps: make(map[string]*boardEntry), changed: make(chan struct{})}
}

// post notes the present state of an instance of an app that is a job or is not.
func (b *board) post(v *status.Instance, job bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.apps[v.App]
	if !ok {
		e = &boardEntry{ready: make(map[string]bool), done: make(map[string]bool)}
		b.apps[v.App] = e
	}
	e.job = job
	before := len(e.ready)
	set(e.ready, v.ID, v.Ready)
	set(e.done, v.ID, endedWell(v))
	switch after := len(e.ready); {
	case before > 0 && after == 0 && unasked(v):
		e.downSince = now
		b.bus.Publish(event.AppDown{About: event.About{App: v.App}, Why: v.Why})
	case before == 0 && after > 0 && !e.downSince.IsZero():
		b.bus.Publish(event.AppRecovered{About: event.About{App: v.App}, After: event.Seconds(now.Sub(e.downSince))})
		e.downSince = time.Time{}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// unasked reports whether an instance is out of balancing though nobody wanted it to be.
func unasked(v *status.Instance) bool {
	return v.State != status.Stopping && v.State != status.Stopped && !endedWell(v)
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
	if e, ok := b.apps[app]; ok {
		delete(e.ready, id)
		delete(e.done, id)
	}
}

// wait returns true once every app has a ready instance, or one that did its work and ended well; of
// a job only the latter counts. It returns false when ctx ends first.
func (b *board) wait(ctx context.Context, apps []string) bool {
	for {
		b.mu.Lock()
		met, changed := b.met(apps), b.changed
		b.mu.Unlock()
		if met {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

func (b *board) met(apps []string) bool {
	for _, name := range apps {
		e, ok := b.apps[name]
		if !ok || len(e.done) == 0 && (e.job || len(e.ready) == 0) {
			return false
		}
	}
	return true
}

// set makes membership of id in the set be in.
func set(ids map[string]bool, id string, in bool) {
	if in {
		ids[id] = true
	} else {
		delete(ids, id)
	}
}
