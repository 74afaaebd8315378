package health

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// full is a listener that takes no further connection: a connect to it hangs.
func full(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	own, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: own.(*syscall.SockaddrInet4).Port}).String()
	for range 2 { // a backlog of 0 has room for one (listen(2))
		conn, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	return address
}

func tcpCheck(address string, timeout time.Duration) *check {
	probe := &config.Probe{TCPSocket: &config.TCPSocket{}, Timeout: config.Duration(timeout), Period: config.Duration(time.Second)}
	return New(prometheus.NewRegistry()).newCheck(Readiness, probe, status.Target{App: "shop", Instance: "shop-1", Address: address})
}

func TestConnectTimesOut(t *testing.T) {
	err := tcpCheck(full(t), 30*time.Millisecond).run(t.Context(), time.Now())
	if err == nil || !strings.HasPrefix(err.Error(), "connect to 127.0.0.1:") || !strings.HasSuffix(err.Error(), ": no answer in time") {
		t.Errorf("error = %v", err)
	}
}

// TestConnectEndsWithItsContext: what waits for a connection is cut short.
func TestConnectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := tcpCheck(full(t), time.Hour)
	defer context.AfterFunc(ctx, c.cut.end)()
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := c.run(ctx, time.Now()); err == nil {
		t.Error("connected to a listener that is full")
	}
	if got := c.subject.results(); len(got) > 0 {
		t.Errorf("a check that was cut short is told: %+v", got)
	}
}

// TestConnectionToItself binds the connection to the port that nobody listens on, as the system may.
func TestConnectionToItself(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	own, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, own); err != nil {
		t.Fatalf("a connection to itself: %v", err)
	}
	if s := (&socket{fd: fd}); !s.isFrom(own) {
		t.Error("a connection to itself is taken for one to a program")
	}
	other := *own.(*syscall.SockaddrInet4)
	other.Addr[3]++
	if s := (&socket{fd: fd}); s.isFrom(&other) {
		t.Error("the same port of another address is taken for its own")
	}
}

// TestErrorsAsNet compares with what net's Dialer says.
func TestErrorsAsNet(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{closed, "[::1]:1", "255.255.255.255:1"} {
		c := tcpCheck(address, time.Second)
		lean, dialer := c.dial, c.p.dialWith(address)
		var texts []string
		for _, d := range []dial{lean, dialer} {
			_, err := d(t.Context(), time.Now().Add(time.Second), &cut{})
			if err == nil {
				t.Fatalf("%s: connected", address)
			}
			texts = append(texts, plain(err).Error())
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: %q, want %q as net says", address, texts[0], texts[1])
		}
	}
}

// TestDescriptorsAreClosed makes checks of every end and counts.
func TestDescriptorsAreClosed(t *testing.T) {
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	hung := full(t)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	checks := []*check{tcpCheck(hung, time.Millisecond), tcpCheck("127.0.0.1:1", time.Second), tcpCheck(listener.Addr().String(), time.Second)}
	probe := httpProbe()
	probe.Timeout = config.Duration(time.Millisecond)
	checks = append(checks, checks[0].p.newCheck(Liveness, probe, status.Target{Address: listener.Addr().String()}))
	run := func() {
		for _, c := range checks {
			_ = c.run(t.Context(), time.Now())
		}
	}
	run() // the runtime's poller opens its own
	before := open()
	for range 20 {
		run()
	}
	if after := open(); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
