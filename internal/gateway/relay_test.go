package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

// TestWebSocketIsTold ends sessions by a drain of their instance and by the gateway's stop: both sides
// hear why.
func TestWebSocketIsTold(t *testing.T) {
	for _, told := range []string{"drain", "stop"} {
		t.Run(told, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			upstreamHeard := make(chan error, 1)
			target := r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
				conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, InsecureSkipVerify: true})
				if err != nil {
					upstreamHeard <- err
					return
				}
				defer func() { _ = conn.CloseNow() }()
				_, _, err = conn.Read(context.Background())
				upstreamHeard <- err
			}))
			conn := dialWS(t, r)
			defer func() { _ = conn.CloseNow() }()
			clientHeard := make(chan error, 1)
			go func() {
				_, _, err := conn.Read(context.Background())
				clientHeard <- err
			}()
			if told == "stop" {
				if err := r.stop(); err != nil {
					t.Error(err)
				}
			} else {
				r.set.SetReady(target, false)
				r.set.Drain(t.Context(), target)
			}
			if n := r.set.Pool("shop").InFlight(target); n != 0 {
				t.Errorf("%d in flight", n)
			}
			for who, heard := range map[string]chan error{"client": clientHeard, "upstream": upstreamHeard} {
				var closed websocket.CloseError
				if err := <-heard; !errors.As(err, &closed) || closed.Code != websocket.StatusGoingAway {
					t.Errorf("the %s heard %v, want 1001", who, err)
				}
			}
		})
	}
}

// rawSession is a session whose two ends are in the test's hands.
func rawSession(t *testing.T) (r *rig, target status.Target, client net.Conn, br *bufio.Reader, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	r = start(t, testConfig(appRoute()))
	target = status.Target{App: "shop", Instance: "shop-1", Address: ln.Addr().String()}
	r.set.SetReady(target, true)
	if client, err = net.Dial("tcp", r.Addrs()["web"]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n"+handshake+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(server, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	br = bufio.NewReader(client)
	if _, err := http.ReadResponse(br, nil); err != nil { //nolint:bodyclose // after a switch it is the connection
		t.Fatal(err)
	}
	return r, target, client, br, server
}

// A frame, and a message of several, are finished before the close frame, byte by byte; nothing comes
// after it.
func TestCloseFrameWaitsForTheMessage(t *testing.T) {
	message := slices.Concat(frame(0x01, false, 300), frame(0x89, false, 2), frame(0x80, false, 100))
	for _, cut := range []int{1, 3, 200, 304, 306, len(message) - 1} {
		t.Run(fmt.Sprint("cut=", cut), func(t *testing.T) {
			r, target, client, br, server := rawSession(t)
			_, _ = server.Write(message[:cut])
			got := make([]byte, cut)
			if _, err := io.ReadFull(br, got); err != nil {
				t.Fatal(err)
			}
			r.set.SetReady(target, false)
			done := make(chan struct{})
			go func() { defer close(done); r.set.Drain(context.Background(), target) }()
			// The upstream, which nothing keeps from it, hears first: a masked close frame.
			up := make([]byte, 8)
			if _, err := io.ReadFull(server, up); err != nil || up[0] != 0x88 || up[1] != 0x82 {
				t.Fatalf("the upstream reads %x, %v", up, err)
			}
			_, _ = server.Write(message[cut:])
			want := append(slices.Clone(message[cut:]), closeFrame(false)...)
			got = make([]byte, len(want))
			_, err := io.ReadFull(br, got)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Fatalf("%v (-want +got):\n%s", err, diff)
			}
			_, _ = server.Write(frame(0x81, false, 4)) // too late
			_, _ = client.Write(closeFrame(true))
			if rest, err := io.ReadAll(br); len(rest) != 0 || err != nil {
				t.Errorf("after the close frame came %x, %v", rest, err)
			}
			_ = server.Close()
			<-done
		})
	}
}

// TestRelay is about what a single relay does around the farewell.
func TestRelay(t *testing.T) {
	farewell := []byte("BYE")
	hello, part, end, bye := frame(0x81, false, 3), frame(0x01, false, 3), frame(0x80, false, 3), frame(0x88, false, 0)
	type step struct {
		pass         []byte
		tell, stop   bool
		want         []byte
		heard, spoke bool
	}
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"told between messages", []step{
			{pass: hello, want: hello},
			{tell: true, want: farewell, spoke: true},
			{pass: hello, spoke: true},
			{pass: bye, heard: true, spoke: true},
		}},
		{"told before anything", []step{{tell: true, want: farewell, spoke: true}}},
		{"the answer comes with other things", []step{
			{tell: true, want: farewell, spoke: true},
			{pass: slices.Concat(hello, bye), heard: true, spoke: true},
		}},
		{"told in a frame", []step{
			{pass: hello[:2], want: hello[:2]},
			{tell: true},
			{pass: slices.Concat(hello[2:], hello, bye), want: slices.Concat(hello[2:], farewell), heard: true, spoke: true},
		}},
		{"told in a message", []step{
			{pass: part, want: part},
			{tell: true},
			{pass: slices.Concat(end, hello), want: slices.Concat(end, farewell), spoke: true},
		}},
		{"the message does not end", []step{
			{pass: part, want: part},
			{tell: true},
			{stop: true, want: farewell, spoke: true},
		}},
		{"the frame does not end", []step{{pass: hello[:3], want: hello[:3]}, {tell: true}, {stop: true}}},
		{"closed by itself before", []step{
			{pass: bye, want: bye, heard: true, spoke: true},
			{tell: true, heard: true, spoke: true},
		}},
		{"no frames", []step{{pass: []byte("nonsense"), want: []byte("nonsense")}, {tell: true}, {stop: true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			r := relay{to: &out, farewell: farewell}
			for i, s := range tc.steps {
				out.Reset()
				switch {
				case s.tell:
					r.tell()
				case s.stop:
					r.interrupt()
				default:
					if err := r.pass(s.pass); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(out.Bytes(), s.want) || r.heard.Load() != s.heard || r.spoke.Load() != s.spoke {
					t.Errorf("step %d: %x, heard %v, spoke %v; want %x, %v, %v", i, out.Bytes(), r.heard.Load(), r.spoke.Load(), s.want, s.heard, s.spoke)
				}
			}
		})
	}
}
