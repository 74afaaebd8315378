package supervise

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// holder is what a fake machine says of its ports.
type holder struct{ who, excluded string }

func (h holder) Holder(int) string   { return h.who }
func (h holder) Listening(int) []int { return nil }
func (h holder) Excluded(int) string { return h.excluded }

func listen(t *testing.T, network, address string) int {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestFreeNoticesHoldersOfEveryAddress(t *testing.T) {
	for _, at := range []struct{ network, address string }{
		{"tcp4", "127.0.0.1:0"}, {"tcp4", "0.0.0.0:0"}, {"tcp6", "[::]:0"}, {"tcp", ":0"},
	} {
		t.Run(at.network+" "+at.address, func(t *testing.T) {
			port := listen(t, at.network, at.address)
			if err := free(t.Context(), port); err == nil {
				t.Errorf("port %d is taken for free", port)
			}
		})
	}
}

func TestFreeLeavesThePortFree(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := free(t.Context(), port); err != nil {
			t.Fatalf("port %d: %v", port, err)
		}
	}
	l, err = lc.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatalf("the port is not free afterwards: %v", err)
	}
	_ = l.Close()
}

func TestAutoPortPassesOverHeldOnes(t *testing.T) {
	p := newPorts("seed", nil)
	first, err := p.auto(t.Context(), 0, "shop-1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.auto(t.Context(), first, "shop-1"); err != nil || again != first {
		t.Errorf("its own port again: %d %v, want %d", again, err, first)
	}
	listen(t, "tcp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(first)))
	if other, err := p.auto(t.Context(), first, "shop-1"); err != nil || other == first {
		t.Errorf("a port that somebody holds on 0.0.0.0: %d %v", other, err)
	}
}

func TestFixedPortSaysWhoHoldsIt(t *testing.T) {
	port := listen(t, "tcp4", "0.0.0.0:0")
	tests := []struct {
		name    string
		machine Ports
		want    string
	}{
		{"nobody tells", nil, "is held by another process: end that process"},
		{"not known", holder{}, "is held by another process: end that process"},
		{"known", holder{who: "nginx (process 812)"}, "is held by nginx (process 812): end that process"},
		{"excluded", holder{excluded: "Windows keeps 50000 to 50059 for itself"}, "cannot be used: Windows keeps 50000 to 50059 for itself; change the app's port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := newPorts("", tt.machine).fixedPort(t.Context(), port)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestReserveKnowsScaledApps(t *testing.T) {
	p := newPorts("", nil)
	p.reserve(map[string]config.App{"shop": {Port: 21000, Instances: 2}}, map[string]keptApp{"shop": {Scaled: &keptScale{Instances: 4}}})
	for port, want := range map[int]bool{20999: false, 21000: true, 21003: true, 21004: false} {
		if p.fixed[port] != want {
			t.Errorf("port %d is reserved: %v", port, p.fixed[port])
		}
	}
}

func BenchmarkAutoPort(b *testing.B) {
	for _, held := range []int{0, 1000} {
		b.Run(label("held", held), func(b *testing.B) {
			p := newPorts("seed", nil)
			for n := range held {
				if _, err := p.auto(context.Background(), 0, label("app", n)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				port, err := p.auto(context.Background(), 0, "shop-1")
				if err != nil {
					b.Fatal(err)
				}
				p.release(port, "shop-1")
			}
		})
	}
}
