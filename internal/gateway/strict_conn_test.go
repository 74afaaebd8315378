package gateway

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// TestSecureConn says what comes of bytes that do not fit what TLS agreed upon.
func TestSecureConn(t *testing.T) {
	conf := tlsConfig(t, t.TempDir(), map[string]config.Route{"x": {Respond: &config.Respond{Body: "well"}}})
	r := start(t, conf)
	address := r.Addrs()["web"]
	const ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, tc := range []struct {
		name, protocol, send string
		want                 string // how the answer begins; "" for none
	}{
		{"HTTP/1", "http/1.1", ask, "HTTP/1.1 200 "},
		{"no agreement", "", ask, "HTTP/1.1 200 "},
		{"length and chunked", "http/1.1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		{"HTTP/2 that was not agreed upon", "http/1.1", clientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "HTTP/1.1 400 "},
		{"HTTP/2", "h2", clientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00", "\x00\x00"}, // no length known: SETTINGS
		{"HTTP/1 where HTTP/2 was agreed upon", "h2", ask, ""},
		{"half a preface", "h2", clientPreface[:20] + ask, "HTTP/1.1 400 "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := &tls.Config{InsecureSkipVerify: true}
			if tc.protocol != "" {
				config.NextProtos = []string{tc.protocol}
			}
			c, err := tls.Dial("tcp", address, config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if got := c.ConnectionState().NegotiatedProtocol; got != tc.protocol {
				t.Fatalf("agreed upon %q", got)
			}
			if _, err := io.WriteString(c, tc.send); err != nil {
				t.Fatal(err)
			}
			if tc.protocol == "h2" && tc.want != "" {
				first := make([]byte, len(tc.want))
				if _, err := io.ReadFull(c, first); err != nil || string(first) != tc.want {
					t.Errorf("got %q, %v", first, err)
				}
				return
			}
			got, _ := io.ReadAll(c) // however it ends
			if !strings.HasPrefix(string(got), tc.want) || (tc.want == "") != (len(got) == 0) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestPlainToTLS tells who speaks HTTP to a listener with TLS what is wrong.
func TestPlainToTLS(t *testing.T) {
	r := start(t, tlsConfig(t, t.TempDir(), appRoute()))
	c, err := net.Dial("tcp", r.Addrs()["web"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c) // however it ends
	if want := "HTTP/1.0 400 "; !strings.HasPrefix(string(got), want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// parts is a connection that brings what it has piece by piece, and then ends with errParts.
type parts struct {
	net.Conn
	left []string
}

var errParts = errors.New("no more parts")

func (p *parts) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, errParts
	}
	n := copy(b, p.left[0])
	p.left[0] = p.left[0][n:]
	if p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

// TestStrictConn says that what is bad is replaced by what is spoiled whatever the sizes of the reads, and
// that nothing is read after it.
func TestStrictConn(t *testing.T) {
	const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tc := range []struct {
		name string
		left []string
		pass bool
		want string
		err  error
	}{
		{"good", []string{good[:10], good[10:], good}, false, good + good, errParts},
		{"bad", []string{good + "GET /\nX", "more"}, false, good + "GET /" + new(strict).spoiled(), io.EOF},
		{"bad in parts", []string{good, "GET ", "/", "\n", "more"}, false, good + "GET /" + new(strict).spoiled(), io.EOF},
		{"not HTTP any more", []string{"\x81\n\n", "\n"}, true, "\x81\n\n\n", errParts},
	} {
		for _, size := range []int{1, 3, 4096} {
			c := &strictConn{Conn: &parts{left: slices.Clone(tc.left)}}
			if tc.pass {
				c.pass()
			}
			var got strings.Builder
			var err error
			for err == nil {
				var n int
				buf := make([]byte, size)
				n, err = c.Read(buf)
				got.Write(buf[:n])
			}
			if got.String() != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%s, reads of %d: %q, %v; want %q, %v", tc.name, size, got.String(), err, tc.want, tc.err)
			}
		}
	}
}
