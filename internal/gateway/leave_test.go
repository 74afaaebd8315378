package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// longer is how long a request lasts until its connection is watched for certain.
const longer = 3 * leaveAfter

func TestClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(net.Conn){
		"closes":               func(c net.Conn) { _ = c.Close() },
		"closes while watched": func(c net.Conn) { time.Sleep(longer); _ = c.Close() },
		"resets while watched": func(c net.Conn) {
			time.Sleep(longer)
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			came, gone := make(chan struct{}), make(chan struct{})
			r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
				close(came)
				<-req.Context().Done()
				close(gone)
			}))
			conn, _ := r.dial("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
			<-came
			leave(conn)
			left := time.Now()
			<-gone
			if took := time.Since(left); took > 5*time.Second {
				t.Errorf("the upstream heard of it after %v", took)
			}
		})
	}
}

// A server that closes a connection ends the request of it, watched or not.
func TestClosedWhileWatched(t *testing.T) {
	r := start(t, testConfig(appRoute()), func(o *Options) { o.DrainTimeout = longer })
	came, gone := make(chan struct{}), make(chan struct{})
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		close(came)
		<-req.Context().Done()
		close(gone)
	}))
	r.dial("GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
	<-came
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	<-gone
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What comes during a request is the next request, of which nothing is lost.
func TestNextRequestComesEarly(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	paths := make(chan string, 10)
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		paths <- req.URL.Path + string(body)
		if strings.HasPrefix(req.URL.Path, "/long") {
			time.Sleep(2 * longer)
		}
	}))
	const head = " HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"
	conn, in := r.dial("GET /long/1" + head + "GET /2" + head + "GET /long/3" + head)
	for range 3 {
		wantOK(t, in)
	}
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
	}
	send("GET /long/4" + head)
	time.Sleep(longer) // the connection is watched
	send("P")
	time.Sleep(leaveAfter)
	send("OST /long/5 HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 1\r\n\r\n")
	wantOK(t, in)
	time.Sleep(longer)
	send("x") // its body, while nobody has to wait for it
	wantOK(t, in)
	send("GET /6" + head)
	wantOK(t, in)
	for _, want := range []string{"/long/1", "/2", "/long/3", "/long/4", "/long/5x", "/6"} {
		if got := <-paths; got != want {
			t.Errorf("%s came, want %s", got, want)
		}
	}
}

// Where a buffer ends, net/http asks for one byte that is none to watch with.
func TestHeadThatFillsTheBuffer(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	for _, size := range []int{4094, 4095, 4096, 4097, 8191} {
		head := fmt.Sprintf("GET / HTTP/1.1\r\nHost: shop.example.com\r\nX: %s", strings.Repeat("x", size))[:size]
		conn, in := r.dial(head)
		time.Sleep(leaveAfter / 2)
		for _, rest := range []string{"a", "\r", "\n\r", "\n"} {
			if _, err := io.WriteString(conn, rest); err != nil {
				t.Fatal(err)
			}
			time.Sleep(leaveAfter / 10)
		}
		wantOK(t, in)
	}
}

func TestWebSocketThatWasQuiet(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, wsEcho))
	conn := dialWS(t, r)
	defer func() { _ = conn.CloseNow() }()
	for range 3 {
		time.Sleep(longer)
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := conn.Read(t.Context()); err != nil || string(data) != "hello" {
			t.Fatalf("%q, %v", data, err)
		}
	}
}

func TestReadDeadline(t *testing.T) {
	soon := func() time.Time { return time.Now().Add(leaveAfter) }
	one := make([]byte, 8)
	t.Run("holds", func(t *testing.T) {
		c, _ := connPair(t)
		began := time.Now()
		if err := c.SetReadDeadline(soon()); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(one); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) < leaveAfter {
			t.Errorf("%d, %v after %v", n, err, time.Since(began))
		}
		if n, err := c.Read(one); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("again: %d, %v", n, err)
		}
	})
	for name, later := range map[string]time.Time{"put off": time.Now().Add(time.Hour), "taken off": {}} {
		for _, during := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/during=%v", name, during), func(t *testing.T) {
				c, peer := connPair(t)
				_ = c.SetReadDeadline(soon())
				if during {
					time.AfterFunc(leaveAfter/4, func() { _ = c.SetReadDeadline(later) })
				} else {
					_ = c.SetReadDeadline(later)
				}
				time.AfterFunc(2*leaveAfter, func() { _, _ = peer.Write([]byte("x")) })
				if n, err := c.Read(one); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			})
		}
	}
	for name, before := range map[string]time.Time{"made earlier": time.Now().Add(time.Hour), "made": {}} {
		t.Run(name, func(t *testing.T) {
			c, _ := connPair(t)
			_ = c.SetReadDeadline(before)
			time.AfterFunc(leaveAfter, func() { _ = c.SetReadDeadline(longAgo()) })
			if n, err := c.Read(one); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	t.Run("closed", func(t *testing.T) {
		c, _ := connPair(t)
		time.AfterFunc(leaveAfter, func() { _ = c.TCPConn.Close() })
		if n, err := c.Read(one); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d, %v", n, err)
		}
	})
}
