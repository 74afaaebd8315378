package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"holdfast/internal/config"
)

// wsEcho sends back every message, and the close.
func wsEcho(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	for {
		kind, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, data); err != nil {
			return
		}
	}
}

func dialWS(t *testing.T, r *rig) *websocket.Conn {
	t.Helper()
	conn, res, err := websocket.Dial(t.Context(), //nolint:bodyclose // after a switch it is the connection
		"ws://"+r.Addrs()["web"]+"/ws", &websocket.DialOptions{
			HTTPClient: testClient(t, false), Subprotocols: []string{"chat"},
		})
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 101 || res.Header.Get("X-Request-Id") == "" || conn.Subprotocol() != "chat" {
		t.Errorf("handshake = %d %v", res.StatusCode, res.Header)
	}
	return conn
}

func TestWebSocket(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	target := r.ready("shop-1", backend(t, wsEcho))
	conn := dialWS(t, r)
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	for _, size := range []int{1, 100, 70_000, 500_000} {
		sent := strings.Repeat("x", size)
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(t.Context()); err != nil || string(got) != sent {
			t.Fatalf("echo of %d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	if n := r.set.Pool("shop").InFlight(target); n != 1 {
		t.Errorf("in flight = %d while the session is open", n)
	}
	if n := r.metric("holdfast_http_requests_in_flight", "route", "shop"); n != 1 {
		t.Errorf("in flight metric = %v", n)
	}
	if err := conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close: %v", err)
	}
	line := r.access.wait(t, func(m map[string]any) bool { return m["status"] == 101.0 })
	if line["bytes"].(float64) < 570_000 || line["instance"] != "shop-1" {
		t.Errorf("access log = %v", line)
	}
	if n := r.set.Pool("shop").InFlight(target); n != 0 {
		t.Errorf("in flight = %d after the session", n)
	}
}

// A session survives reloads and ends with the gateway.
func TestWebSocketEndsWithTheGateway(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, wsEcho))
	conn := dialWS(t, r)
	defer func() { _ = conn.CloseNow() }()
	for range 3 {
		r.reload(func(c *config.Config) { l := c.Listeners["web"]; l.IdleTimeout++; c.Listeners["web"] = l })
		if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("the session is open after the end")
	}
}

// handshake are the fields of a request for a WebSocket that name no protocol.
const handshake = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// TestUpgrades says which protocol switches an upstream gets to hear of.
func TestUpgrades(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	seen := make(chan http.Header, 1)
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) { seen <- req.Header }))
	for _, tc := range []struct {
		name, lines string
		method      string
		want        string
	}{
		{name: "websocket", lines: "Connection: Upgrade\r\nUpgrade: websocket", want: "websocket"},
		{name: "any case", lines: "Connection: keep-alive, upgrade\r\nUpgrade: WebSocket", want: "websocket"},
		{name: "h2c", lines: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"},
		{name: "h2c, not announced", lines: "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"},
		{name: "two protocols", lines: "Connection: Upgrade\r\nUpgrade: websocket, h2c"},
		{name: "two lines", lines: "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c"},
		{name: "TLS", lines: "Connection: Upgrade\r\nUpgrade: TLS/1.0"},
		{name: "no Connection", lines: "Upgrade: websocket"},
		{name: "POST", method: "POST", lines: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0"},
		{name: "body", lines: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = "GET"
			}
			// The server answers 200: it does not want to switch either.
			res, body := raw(t, r.Addrs()["web"], method+" / HTTP/1.1\r\nHost: a\r\n"+handshake+tc.lines+"\r\n\r\nx")
			if res.StatusCode != 200 {
				t.Errorf("answer = %d %q", res.StatusCode, body)
			}
			h := <-seen
			if h.Get("Upgrade") != tc.want || h.Get("Http2-Settings") != "" || (h.Get("Connection") == "Upgrade") != (tc.want != "") {
				t.Errorf("upstream saw %v", h)
			}
		})
	}
}

// An upstream that switches to what nobody asked for gets nowhere.
func TestUnaskedSwitch(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nevil")
			_ = conn.Close()
		}
	}()
	defer func() { _ = ln.Close(); <-done }()
	routes := appRoute()
	routes["shop"] = config.Route{URLs: []string{"http://" + ln.Addr().String()}}
	r := start(t, testConfig(routes))
	for _, lines := range []string{"", handshake + "Connection: Upgrade\r\nUpgrade: websocket\r\n"} {
		res, body := raw(t, r.Addrs()["web"], "GET / HTTP/1.1\r\nHost: a\r\n"+lines+"\r\n")
		if res.StatusCode != 502 || strings.Contains(body, "evil") {
			t.Errorf("answer = %d %q", res.StatusCode, body)
		}
	}
}
