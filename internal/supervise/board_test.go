package supervise

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// desk drives a board by hand.
type desk struct {
	t        *testing.T
	b        *board
	bus      *event.Bus
	expected map[string]bool
	now      time.Time
}

func newDesk(t *testing.T, needs map[string][]string) *desk {
	t.Helper()
	d := &desk{t: t, bus: event.NewBus(100), expected: map[string]bool{}, now: time.Now()}
	d.b = newBoard(d.bus, func(app string, coming bool) { d.expected[app] = coming })
	d.b.depend(needs)
	return d
}

func (d *desk) post(app, id string, state status.State, change ...func(*posting)) {
	v := &status.Instance{ID: id, App: app, State: state, Ready: state == status.Running}
	p := posting{view: v}
	for _, c := range change {
		c(&p)
	}
	d.b.post(p, d.now)
}

func (d *desk) want(app string, expected bool) {
	d.t.Helper()
	if got := d.expected[app]; got != expected {
		d.t.Errorf("the gateway expects %s: %v, want %v", app, got, expected)
	}
}

func TestGatewayIsToldWhatIsComing(t *testing.T) {
	unready := func(p *posting) { p.view.Ready = false }
	tests := []struct {
		name   string
		state  status.State
		change func(*posting)
		want   bool
	}{
		{"pending", status.Pending, nil, true},
		{"held by maintenance", status.Pending, func(p *posting) { p.held = true }, false},
		{"starting", status.Starting, nil, true},
		{"first readiness", status.Running, unready, true},
		{"ready", status.Running, nil, false},
		{"stopping for good", status.Stopping, nil, false},
		{"draining to return", status.Draining, func(p *posting) { p.returns = true }, true},
		{"next try is near", status.Backoff, func(p *posting) { p.view.NextTry = time.Now().Add(expectWithin / 2) }, true},
		{"next try is far", status.Backoff, func(p *posting) { p.view.NextTry = time.Now().Add(expectWithin + time.Minute) }, false},
		{"crash loop", status.CrashLoop, nil, false},
		{"stopped", status.Stopped, nil, false},
		{"exited", status.Exited, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, map[string][]string{"shop": nil})
			d.post("shop", "shop-1", tt.state, func(p *posting) {
				if tt.change != nil {
					tt.change(p)
				}
			})
			d.want("shop", tt.want)
			d.b.remove("shop", "shop-1")
			d.want("shop", false)
		})
	}
}

func TestUnreadyByItsProbeIsNotComing(t *testing.T) {
	d := newDesk(t, map[string][]string{"shop": nil})
	d.post("shop", "shop-1", status.Running)
	d.post("shop", "shop-1", status.Running, func(p *posting) { p.view.Ready = false })
	d.want("shop", false)
}

func TestNextTryComesNear(t *testing.T) {
	d := newDesk(t, map[string][]string{"shop": nil})
	d.post("shop", "shop-1", status.Backoff, func(p *posting) { p.view.NextTry = d.now.Add(16 * time.Second) })
	d.b.refresh(d.now.Add(5 * time.Second))
	d.want("shop", false)
	d.b.refresh(d.now.Add(6 * time.Second))
	d.want("shop", true)
	d.post("shop", "shop-1", status.CrashLoop)
	d.want("shop", false)
}

func TestRequestsWaitOnlyForDependenciesWithHope(t *testing.T) {
	waits := func(p *posting) { p.waits = true }
	d := newDesk(t, map[string][]string{"web": {"api"}, "api": {"db"}, "db": nil})
	d.post("web", "web-1", status.Pending, waits)
	d.post("api", "api-1", status.Pending, waits)
	d.post("db", "db-1", status.Stopped)
	d.want("web", false)
	d.want("api", false)
	d.post("db", "db-1", status.Starting)
	d.want("web", true)
	d.want("api", true)
	d.post("db", "db-1", status.CrashLoop)
	d.want("web", false)
	d.post("db", "db-1", status.Running)
	d.want("web", true)
}

func TestCycleOfDependenciesEnds(t *testing.T) {
	d := newDesk(t, map[string][]string{"a": {"b"}, "b": {"a"}})
	d.post("a", "a-1", status.Running)
	d.post("b", "b-1", status.Running)
	if got := d.b.missing([]string{"a", "b"}); got != nil {
		t.Errorf("missing %v", got)
	}
}

func TestLosingTheLastOneIsToldBeforeItIsKnown(t *testing.T) {
	d := newDesk(t, map[string][]string{"shop": nil})
	d.post("shop", "shop-1", status.Running)
	d.post("shop", "shop-2", status.Running)
	d.b.losing("shop", "shop-1")
	d.want("shop", false)
	d.post("shop", "shop-1", status.Backoff, func(p *posting) { p.view.NextTry = d.now.Add(time.Hour) })
	d.b.losing("shop", "shop-2")
	d.want("shop", true)
	d.post("shop", "shop-2", status.Exited)
	d.want("shop", false)
}

func TestPostWakesOnlyWhoWaitsForThatApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, map[string][]string{"web": {"db", "cache"}})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan bool, 2)
		go func() { result <- d.b.wait(ctx, []string{"db", "cache"}) }()
		synctest.Wait()
		changed := d.b.change([]string{"db"})
		d.post("cache", "cache-1", status.Running)
		if isClosed(changed) {
			t.Error("a post about cache woke who waits for db")
		}
		d.post("db", "db-1", status.Running)
		if !<-result {
			t.Error("wait ended without what it waited for")
		}
		d.post("db", "db-1", status.Backoff)
		if diff := cmp.Diff([]string{"db"}, d.b.missing([]string{"db", "cache"})); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		go func() { result <- d.b.wait(ctx, []string{"db"}) }()
		synctest.Wait()
		cancel()
		if <-result {
			t.Error("wait was cancelled and reports success")
		}
	})
}

func TestMaintenanceAlarmsNobody(t *testing.T) {
	failed := func(p *posting) { p.view.NextTry = time.Now().Add(time.Second) }
	tests := []struct {
		name string
		do   func(*desk)
		want []event.Type
	}{
		{"ended and came back meanwhile", func(d *desk) {
			d.post("shop", "shop-1", status.Pending, func(p *posting) { p.held = true })
			d.post("shop", "shop-1", status.Running)
			d.b.maintain("shop", false)
		}, nil},
		{"came back afterwards", func(d *desk) {
			d.post("shop", "shop-1", status.Pending, func(p *posting) { p.held = true })
			d.b.maintain("shop", false)
			d.post("shop", "shop-1", status.Starting)
			d.post("shop", "shop-1", status.Running)
		}, nil},
		{"did not come back", func(d *desk) {
			d.post("shop", "shop-1", status.Pending, func(p *posting) { p.held = true })
			d.b.maintain("shop", false)
			d.post("shop", "shop-1", status.Starting)
			d.post("shop", "shop-1", status.Backoff, failed)
			d.post("shop", "shop-1", status.Running)
		}, []event.Type{"app.down", "app.recovered"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, map[string][]string{"shop": nil})
			d.post("shop", "shop-1", status.Running)
			d.b.maintain("shop", true)
			tt.do(d)
			events, _ := d.bus.List(event.Query{})
			var got []event.Type
			for _, e := range events {
				got = append(got, e.Type)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForgottenAppsLeaveNothing(t *testing.T) {
	d := newDesk(t, map[string][]string{"web": {"db"}, "db": nil})
	d.post("db", "db-1", status.Running)
	d.b.depend(nil)
	d.b.remove("db", "db-1")
	d.b.depend(nil)
	if len(d.b.apps) != 0 {
		t.Errorf("left: %v", d.b.apps)
	}
}

func BenchmarkBoardPost(b *testing.B) {
	for _, apps := range []int{10, 1000} {
		b.Run(label("apps", apps), func(b *testing.B) {
			board := newBoard(event.NewBus(10), func(string, bool) {})
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan bool)
			for n := range apps {
				go func() { done <- board.wait(ctx, []string{label("never", n)}) }()
			}
			v := &status.Instance{ID: "shop-1", App: "shop", State: status.Running}
			b.ReportAllocs()
			for b.Loop() {
				v.Ready = !v.Ready
				board.post(posting{view: v}, time.Time{})
			}
			cancel()
			for range apps {
				<-done
			}
		})
	}
}
