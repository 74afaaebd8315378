package event

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/status"
)

func ids(events []Event) []uint64 {
	out := make([]uint64, 0, len(events))
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

func TestPublishReachesSubscribersInOrder(t *testing.T) {
	bus := NewBus(10)
	sub := bus.Subscribe(3)
	defer sub.Close()

	bus.Publish(InstanceReady{About: About{"shop", "shop-1"}})
	bus.Publish(GatewayPaused{})

	first, second := <-sub.C, <-sub.C
	if first.ID != 1 || first.Type != "instance.ready" || first.App != "shop" || first.Instance != "shop-1" {
		t.Errorf("first event = %+v", first)
	}
	if second.ID != 2 || second.Type != "gateway.paused" || second.App != "" {
		t.Errorf("second event = %+v", second)
	}
}

func TestSlowSubscriberLosesAndIsTold(t *testing.T) {
	bus := NewBus(10)
	slow, fast := bus.Subscribe(1), bus.Subscribe(5)
	defer slow.Close()
	defer fast.Close()
	for range 5 {
		bus.Publish(GatewayPaused{})
	}
	if got := slow.Dropped(); got != 4 {
		t.Errorf("slow lost %d events, want 4", got)
	}
	if got := fast.Dropped(); got != 0 {
		t.Errorf("fast lost %d events, want 0", got)
	}
	if got := bus.Dropped(); got != 4 {
		t.Errorf("bus counts %d lost events, want 4", got)
	}
}

func TestCloseTwiceAndPublishAfterwards(t *testing.T) {
	bus := NewBus(1)
	sub := bus.Subscribe(1)
	sub.Close()
	sub.Close()
	bus.Publish(GatewayPaused{})
	if _, open := <-sub.C; open {
		t.Error("a closed subscription received an event")
	}
}

func TestList(t *testing.T) {
	bus := NewBus(4)
	bus.Publish(GatewayPaused{})                                        // 1, forgotten
	bus.Publish(InstanceReady{About: About{"a", "a-1"}})                // 2 info
	bus.Publish(InstanceExited{About: About{"a", "a-2"}})               // 3 warning
	bus.Publish(InstanceStartFailed{About: About{"b", "b-1"}})          // 4 error
	bus.Publish(InstanceUnready{About: About{"a", "a-1"}, Why: "slow"}) // 5 warning

	tests := []struct {
		name  string
		query Query
		want  []uint64
		total int
	}{
		{"all remembered", Query{}, []uint64{2, 3, 4, 5}, 4},
		{"newest first", Query{Newest: true, Limit: 2}, []uint64{5, 4}, 4},
		{"page", Query{Limit: 2, Offset: 1}, []uint64{3, 4}, 4},
		{"offset past the end", Query{Offset: 9}, []uint64{}, 4},
		{"app", Query{App: "a"}, []uint64{2, 3, 5}, 3},
		{"instance", Query{Instance: "a-1"}, []uint64{2, 5}, 2},
		{"type", Query{Type: "instance.exited"}, []uint64{3}, 1},
		{"severity", Query{MinSeverity: Warning}, []uint64{3, 4, 5}, 3},
		{"after", Query{AfterID: 4}, []uint64{5}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, total := bus.List(tt.query)
			if diff := cmp.Diff(tt.want, ids(events)); diff != "" || total != tt.total {
				t.Errorf("total %d, want %d; ids (-want +got):\n%s", total, tt.total, diff)
			}
		})
	}
}

// TestSubscribeSince checks, for any history size and any resume point, that what is missed plus
// what follows is every later event exactly once, and that a gap is told exactly when one is there.
func TestSubscribeSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 8).Draw(t, "history")
		before := rapid.IntRange(0, 20).Draw(t, "before")
		after := rapid.IntRange(0, 20).Draw(t, "after")
		resume := rapid.Uint64Range(0, 25).Draw(t, "resume")

		bus := NewBus(size)
		for range before {
			bus.Publish(GatewayPaused{})
		}
		sub, missed, gap := bus.SubscribeSince(resume, after+1)
		defer sub.Close()
		for range after {
			bus.Publish(GatewayResumed{})
		}

		foreign := resume > uint64(before)
		from := resume
		if foreign {
			from = 0
		}
		first := max(from+1, uint64(max(before-size, 0))+1)
		wantGap := foreign || first > from+1
		if gap != wantGap {
			t.Fatalf("gap = %v, want %v", gap, wantGap)
		}
		got := ids(missed)
		for range after {
			got = append(got, (<-sub.C).ID)
		}
		want := []uint64{}
		for id := first; id <= uint64(before+after); id++ {
			want = append(want, id)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("ids (-want +got):\n%s", diff)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	bus := NewBus(16)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				bus.Publish(GatewayPaused{})
				bus.List(Query{Limit: 1})
			}
		})
		wg.Go(func() {
			for range 50 {
				sub, _, _ := bus.SubscribeSince(0, 1)
				sub.Close()
			}
		})
	}
	wg.Wait()
	if _, total := bus.List(Query{}); total != 16 {
		t.Errorf("remembered %d events, want 16", total)
	}
}

func TestEveryBodySpeaks(t *testing.T) {
	seen := map[Type]bool{}
	for _, b := range Bodies() {
		if seen[b.Type()] {
			t.Errorf("type %q is used twice", b.Type())
		}
		seen[b.Type()] = true
		if b.Message() == "" || b.Severity().rank() == 0 {
			t.Errorf("%q has message %q and severity %q", b.Type(), b.Message(), b.Severity())
		}
		if _, err := json.Marshal(b); err != nil {
			t.Errorf("%q: %v", b.Type(), err)
		}
	}
}

func TestMessages(t *testing.T) {
	tests := []struct {
		body Body
		want string
	}{
		{InstanceStopped{Exit: status.Exit{Graceful: true, Text: "exit code 0"}}, "stopped: exit code 0"},
		{InstanceStopped{}, "did not stop within its grace period and was killed"},
		{InstanceExited{Exit: status.Exit{Reason: status.ReasonExit, Text: "exit code 1"}, Next: "restart in 4s"}, "ended: exit code 1; restart in 4s"},
		{InstanceExited{Exit: status.Exit{Reason: status.ReasonLivenessProbe, Text: "killed by SIGTERM"}, Next: "restarted at once"}, "ended because of its liveness probe: killed by SIGTERM; restarted at once"},
		{
			InstanceExited{Exit: status.Exit{Reason: status.ReasonLivenessProbe, Text: "killed by SIGTERM", Cause: "liveness probe failed 3 times in a row: no answer in time"}, Next: "restarted at once"},
			"ended because its liveness probe failed 3 times in a row: no answer in time; killed by SIGTERM; restarted at once",
		},
		{
			InstanceExited{Exit: status.Exit{Reason: status.ReasonExit, Text: "exit code 1", Advice: "port 80 is held by nginx"}, Next: "restarted at once"},
			"ended: exit code 1; restarted at once; port 80 is held by nginx",
		},
		{InstanceStartFailed{Error: "no such program", Next: StaysDown}, "cannot be started: no such program; it stays down"},
		{InstanceMemoryLimit{Memory: 3 << 19, Limit: 1 << 20}, "used 1.5 MiB of memory, more than limits.memory (1.0 MiB): find its leak or raise the limit"},
		{InstanceMemoryLimit{Limit: 1 << 20}, "used an unknown amount of memory, more than limits.memory (1.0 MiB): find its leak or raise the limit"},
		{InstanceRecycled{Memory: 3 << 19, Limit: 1 << 20}, "restarted because it used 1.5 MiB of memory, more than limits.memory_recycle (1.0 MiB)"},
		{ConfigRejected{Revision: 3, Problems: []string{"bad"}}, "the new configuration was not applied; revision 3 stays in force: bad"},
	}
	for _, tt := range tests {
		if got := tt.body.Message(); got != tt.want {
			t.Errorf("%T.Message() = %q, want %q", tt.body, got, tt.want)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := NewBus(1000)
	sub := bus.Subscribe(1)
	defer sub.Close()
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(InstanceReady{About: About{"shop", "shop-1"}})
	}
}
