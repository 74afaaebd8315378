package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeProgram does what its functions say; a nil one returns nil at once.
type fakeProgram struct {
	startID               string
	run                   func(ctx context.Context, s Starting) error
	reload, pause, resume func(ctx context.Context) error

	mu    sync.Mutex
	calls []string
}

func (p *fakeProgram) Run(ctx context.Context, s Starting) error {
	p.startID = s.StartID()
	return p.run(ctx, s)
}

func (p *fakeProgram) Reload(ctx context.Context) error { return p.call(ctx, "reload", p.reload) }

func (p *fakeProgram) Pause(ctx context.Context) error { return p.call(ctx, "pause", p.pause) }

func (p *fakeProgram) Resume(ctx context.Context) error { return p.call(ctx, "resume", p.resume) }

func (p *fakeProgram) call(ctx context.Context, name string, f func(context.Context) error) error {
	p.mu.Lock()
	p.calls = append(p.calls, name)
	p.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

// untilStopped is a program that is ready at once and ends when asked.
func untilStopped(ctx context.Context, s Starting) error {
	s.Ready()
	<-ctx.Done()
	return nil
}

// fakeManager keeps what it was told, without mere signs of life.
type fakeManager struct {
	said []string
	life int
}

func (m *fakeManager) every() time.Duration { return 2 * time.Second }

func (m *fakeManager) report(r report) {
	if r.again {
		m.life++
		return
	}
	text := [...]string{"starting", "running", "pausing", "paused", "resuming", "stopping"}[r.state]
	if r.reloading {
		text += "+reloading"
	}
	if r.state == starting && r.stage != "" {
		text += ":" + r.stage
	}
	m.said = append(m.said, text)
}

// live runs p in a bubble of fake time; script sends controls and is waited for.
func live(t *testing.T, p *fakeProgram, script func(requests chan<- control)) (ending, *fakeManager) {
	t.Helper()
	m := &fakeManager{}
	var e ending
	synctest.Test(t, func(t *testing.T) {
		requests := make(chan control)
		go func() {
			synctest.Wait()
			script(requests)
		}()
		o := Options{
			Program: p, Log: silence{}, StartTimeout: time.Minute, StopTimeout: time.Minute, startID: "start",
			ExitCode: func(error) int { return 42 },
		}
		e = serve(t.Context(), o, m, requests, func(c control) control { return c })
		time.Sleep(2 * time.Hour) // programs that overran end, too
	})
	return e, m
}

// ask sends controls one by one, each after the effects of the one before.
func ask(controls ...control) func(chan<- control) {
	return func(requests chan<- control) {
		for _, c := range controls {
			requests <- c
			synctest.Wait()
		}
	}
}

func TestLife(t *testing.T) {
	broken := errors.New("disk on fire")
	slow := func(ctx context.Context) error { time.Sleep(5 * time.Second); return nil }
	tests := []struct {
		name   string
		p      *fakeProgram
		script func(chan<- control)
		said   []string
		calls  []string
		want   ending
	}{
		{
			name: "start and stop",
			p: &fakeProgram{run: func(ctx context.Context, s Starting) error {
				s.Progress("listeners")
				time.Sleep(time.Second)
				return untilStopped(ctx, s)
			}},
			script: func(r chan<- control) { time.Sleep(2 * time.Second); r <- stop },
			said:   []string{"starting", "starting:listeners", "running", "stopping"},
			want:   ending{asked: true, ready: true},
		},
		{
			name:   "pause, continue, reload",
			p:      &fakeProgram{run: untilStopped},
			script: ask(pause, reload, resume, reload, stop),
			said: []string{
				"starting", "running", "pausing", "paused", "paused+reloading", "paused",
				"resuming", "running", "running+reloading", "running", "stopping",
			},
			calls: []string{"pause", "reload", "resume", "reload"},
			want:  ending{asked: true, ready: true},
		},
		{
			name:   "what is so already is not done again",
			p:      &fakeProgram{run: untilStopped},
			script: ask(resume, pause, pause, resume, resume, ignored, interrogate, stop),
			said:   []string{"starting", "running", "pausing", "paused", "resuming", "running", "running", "stopping"},
			calls:  []string{"pause", "resume"},
			want:   ending{asked: true, ready: true},
		},
		{
			name:   "a pause that fails leaves it running",
			p:      &fakeProgram{run: untilStopped, pause: func(context.Context) error { return broken }},
			script: ask(pause, stop),
			said:   []string{"starting", "running", "pausing", "running", "stopping"},
			calls:  []string{"pause"},
			want:   ending{asked: true, ready: true},
		},
		{
			name:   "a continue that fails leaves it paused",
			p:      &fakeProgram{run: untilStopped, resume: func(context.Context) error { return broken }},
			script: ask(pause, resume, stop),
			said:   []string{"starting", "running", "pausing", "paused", "resuming", "paused", "stopping"},
			calls:  []string{"pause", "resume"},
			want:   ending{asked: true, ready: true},
		},
		{
			name: "ten reloads during one are one more",
			p:    &fakeProgram{run: untilStopped, reload: slow},
			script: func(r chan<- control) {
				ask(reload, reload, reload, reload, reload)(r)
				time.Sleep(time.Minute)
				r <- stop
			},
			said:  []string{"starting", "running", "running+reloading", "running", "running+reloading", "running", "stopping"},
			calls: []string{"reload", "reload"},
			want:  ending{asked: true, ready: true},
		},
		{
			name: "a reload while starting waits for Ready",
			p: &fakeProgram{run: func(ctx context.Context, s Starting) error {
				time.Sleep(10 * time.Second)
				return untilStopped(ctx, s)
			}},
			script: func(r chan<- control) { r <- reload; time.Sleep(time.Minute); r <- stop },
			said:   []string{"starting", "running", "running+reloading", "running", "stopping"},
			calls:  []string{"reload"},
			want:   ending{asked: true, ready: true},
		},
		{
			name: "stop while starting",
			p: &fakeProgram{run: func(ctx context.Context, _ Starting) error {
				<-ctx.Done()
				return fmt.Errorf("listeners: %w", ctx.Err())
			}},
			script: ask(stop),
			said:   []string{"starting", "stopping"},
			want:   ending{asked: true},
		},
		{
			name:   "a stop waits for the reload in hand",
			p:      &fakeProgram{run: untilStopped, reload: slow},
			script: ask(reload, stop),
			said:   []string{"starting", "running", "running+reloading", "stopping"},
			calls:  []string{"reload"},
			want:   ending{asked: true, ready: true},
		},
		{
			name: "force does not wait",
			p: &fakeProgram{run: func(ctx context.Context, s Starting) error {
				s.Ready()
				<-ctx.Done()
				time.Sleep(time.Hour)
				return nil
			}},
			script: ask(stop, force),
			said:   []string{"starting", "running", "stopping"},
			want:   ending{code: ExitForced, err: errForced, asked: true, ready: true},
		},
		{
			name:   "start fails",
			p:      &fakeProgram{run: func(context.Context, Starting) error { return broken }},
			script: ask(),
			said:   []string{"starting", "stopping"},
			want:   ending{code: 42, err: broken},
		},
		{
			name:   "ends unasked with an error",
			p:      &fakeProgram{run: func(_ context.Context, s Starting) error { s.Ready(); time.Sleep(time.Second); return broken }},
			script: ask(),
			said:   []string{"starting", "running", "stopping"},
			want:   ending{code: 42, err: broken, ready: true},
		},
		{
			name:   "ends unasked without one",
			p:      &fakeProgram{run: func(_ context.Context, s Starting) error { s.Ready(); time.Sleep(time.Second); return nil }},
			script: ask(),
			said:   []string{"starting", "running", "stopping"},
			want:   ending{code: ExitEnded, err: errEnded, ready: true},
		},
		{
			name:   "a bad end of an asked stop is told",
			p:      &fakeProgram{run: func(ctx context.Context, s Starting) error { s.Ready(); <-ctx.Done(); return broken }},
			script: ask(stop),
			said:   []string{"starting", "running", "stopping"},
			want:   ending{code: 42, err: broken, asked: true, ready: true},
		},
		{
			name: "a stop that overruns is cut short",
			p: &fakeProgram{run: func(ctx context.Context, s Starting) error {
				s.Ready()
				<-ctx.Done()
				time.Sleep(time.Hour)
				return nil
			}},
			script: ask(stop),
			said:   []string{"starting", "running", "stopping"},
			want:   ending{code: ExitStopTimeout, err: errStopStall, asked: true, ready: true},
		},
		{
			name: "a start that hangs is given up",
			p: &fakeProgram{run: func(ctx context.Context, s Starting) error {
				for range 5 { // progress keeps it alive
					s.Progress("store")
					time.Sleep(50 * time.Second)
				}
				<-ctx.Done()
				return ctx.Err()
			}},
			script: ask(),
			said:   []string{"starting", "starting:store", "starting:store", "starting:store", "starting:store", "starting:store", "stopping"},
			want:   ending{code: ExitStartTimeout, err: errStartStall},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, m := live(t, tt.p, tt.script)
			if !errors.Is(got.err, tt.want.err) {
				t.Errorf("error: got %v, want %v", got.err, tt.want.err)
			}
			got.err, tt.want.err = nil, nil
			if got != tt.want {
				t.Errorf("ending: got %+v, want %+v", got, tt.want)
			}
			if d := cmp.Diff(tt.said, m.said); d != "" {
				t.Errorf("reports (-want +got):\n%s", d)
			}
			if tt.p.startID != "start" {
				t.Errorf("the program knows its start as %q, want what it was called", tt.p.startID)
			}
			if d := cmp.Diff(tt.calls, tt.p.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
}

// The SCM counts a service as hung whose checkpoint does not rise within its wait hint.
func TestCheckpointsRiseWhilePending(t *testing.T) {
	var got []report
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProgram{run: func(ctx context.Context, s Starting) error {
			time.Sleep(time.Minute)
			return untilStopped(ctx, s)
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		o := Options{Program: p, Log: silence{}, StartTimeout: time.Hour, StopTimeout: time.Minute}
		e := serve(ctx, o, recorder(func(r report) { got = append(got, r) }), nil, func(control) control { return ignored })
		if e.code != ExitOK || !e.asked {
			t.Errorf("the end of the context is a wish to stop, got %+v", e)
		}
	})
	var last uint32
	n := 0
	for _, r := range got {
		s := scmReport(r)
		if r.state != starting {
			if !r.state.pending() && (s.checkpoint != 0 || s.waitHint != 0) {
				t.Errorf("%+v: a settled state has neither checkpoint nor hint", s)
			}
			continue
		}
		n++
		if s.checkpoint <= last || s.waitHint <= uint32(scmEvery.Milliseconds()) {
			t.Errorf("report %d: checkpoint %d after %d, hint %d ms", n, s.checkpoint, last, s.waitHint)
		}
		last = s.checkpoint
	}
	if n < 25 {
		t.Errorf("got %d reports in a minute of starting, want about 30", n)
	}
}

type recorder func(report)

func (recorder) every() time.Duration { return scmEvery }
func (m recorder) report(r report)    { m(r) }

func TestSCMExit(t *testing.T) {
	tests := []struct {
		name     string
		e        ending
		specific bool
		code     uint32
	}{
		{"asked", ending{asked: true}, false, 0},
		{"asked, and badly", ending{asked: true, code: ExitStopTimeout, err: errStopStall}, false, 0},
		{"failed start", ending{code: ExitConfig, err: errors.New("x")}, true, ExitConfig},
		{"unasked", ending{code: ExitEnded, ready: true, err: errEnded}, true, ExitEnded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if specific, code := scmExit(tt.e); specific != tt.specific || code != tt.code {
				t.Errorf("got (%t, %d), want (%t, %d)", specific, code, tt.specific, tt.code)
			}
		})
	}
}

func TestSCMControls(t *testing.T) {
	want := map[uint32]control{
		1: stop, 2: pause, 3: resume, 4: interrogate, 5: stop, 6: reload, 15: stop,
		7: ignored, 11: ignored, 13: ignored, 14: ignored, 200: ignored,
	}
	for code, c := range want {
		if got := scmControl(code); got != c {
			t.Errorf("control %d: got %v, want %v", code, got, c)
		}
	}
}

func TestSCMAccepts(t *testing.T) {
	for s, want := range map[state]uint32{
		starting: 0x105, running: 0x10f, pausing: 0x105, paused: 0x10f, resuming: 0x105, stopping: 0,
	} {
		if got := scmReport(report{state: s}).accepts; got != want {
			t.Errorf("state %d: accepts %#x, want %#x", s, got, want)
		}
	}
}

func TestEndingEntrySaysWhatToDo(t *testing.T) {
	level, id, text := endingEntry("Shop", ending{code: ExitListen, err: errors.New("listener web: port 80 is taken")})
	if level != LevelError || id != 110 {
		t.Errorf("got %s %d", level, id)
	}
	for _, want := range []string{"Shop could not start", "port 80 is taken", "What to do: Free the address", "Exit code 13"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
}

func TestEventText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\x00b": "a b", "100% of %1": "100% of % 1", "\xff": "\uFFFD",
	} {
		if got := eventText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if n := len([]rune(eventText(strings.Repeat("ä", 40000)))); n > 31839 {
		t.Errorf("%d characters are more than ReportEvent takes", n)
	}
}
