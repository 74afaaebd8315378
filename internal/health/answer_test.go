package health

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answers are what servers write; the names say what is special about them.
func answers() map[string]string {
	long := strings.Repeat("x", 3*bufferSize)
	return map[string]string{
		"usual":                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"no reason":                  "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n",
		"empty reason":               "HTTP/1.1 503 \r\n\r\n",
		"own reason":                 "HTTP/1.1 500 it broke: 50% of it\r\n\r\n",
		"HTTP/1.0":                   "HTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.0, chunked":          "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"chunked":                    "HTTP/1.1 404 Not Found\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"chunked, broken":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"interim":                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
		"interim only":               "HTTP/1.1 100 Continue\r\n\r\n",
		"interim, then rubbish":      "HTTP/1.1 100 Continue\r\n\r\nrubbish\r\n\r\n",
		"switching":                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
		"redirect":                   "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
		"redirect to nowhere":        "HTTP/1.1 302 Found\r\nLocation: ://\r\n\r\n",
		"bare line feeds":            "HTTP/1.1 418 I'm a teapot\nServer: x\n\n",
		"folded field":               "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"field without colon":        "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
		"space before colon":         "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"empty field name":           "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
		"control character":          "HTTP/1.1 200 OK\r\nA: b\x01c\r\n\r\n",
		"bytes above ASCII":          "HTTP/1.1 200 gr\xc3\xbcn\r\nA: \xff\r\n\r\n",
		"two equal lengths":          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
		"two lengths":                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
		"bad length":                 "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"signed length":              "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
		"huge length":                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"empty length":               "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"no content, bad length":     "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n",
		"length and chunked":         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"other coding":               "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"trailer":                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n",
		"body cut short":             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
		"header cut short":           "HTTP/1.1 200 OK\r\nContent-Le",
		"status line cut short":      "HTTP/1.1 2",
		"nothing":                    "",
		"blank line":                 "\r\n",
		"code of two digits":         "HTTP/1.1 20 OK\r\n\r\n",
		"code of four digits":        "HTTP/1.1 2000 OK\r\n\r\n",
		"code in words":              "HTTP/1.1 two OK\r\n\r\n",
		"code 0":                     "HTTP/1.1 000 no\r\n\r\n",
		"code 099":                   "HTTP/1.1 099 no\r\n\r\n",
		"code 999":                   "HTTP/1.1 999 yes\r\n\r\n",
		"two spaces":                 "HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/2":                     "HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.2":                   "HTTP/1.2 200 OK\r\n\r\n",
		"lower case":                 "http/1.1 200 OK\r\n\r\n",
		"another protocol":           "SSH-2.0-OpenSSH_9.2p1\r\n",
		"binary":                     "\x00\x01\x02\xff\n\n\n",
		"carriage return in status":  "HTTP/1.1 200 O\rK\r\n\r\n",
		"header beyond the buffer":   "HTTP/1.1 200 OK\r\nA: " + long + "\r\n\r\nok",
		"body beyond the buffer":     "HTTP/1.1 200 OK\r\nContent-Length: 12288\r\n\r\n" + long,
		"rubbish beyond the buffer":  long,
		"unusual beyond the buffer":  "HTTP/1.1 200 OK\nA: " + long + "\n\n",
		"much more than the body is": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + long,
	}
}

// TestAnswersAsNetHTTP reads every answer as net/http's Transport does, however it arrives.
func TestAnswersAsNetHTTP(t *testing.T) {
	for name, text := range answers() {
		t.Run(name, func(t *testing.T) {
			want := byTransport(t, []byte(text))
			for _, step := range []int{1, 7, 4096, 1 << 20} {
				if diff := cmp.Diff(want, bySelf([]byte(text), step)); diff != "" {
					t.Errorf("in pieces of %d bytes (-net/http +health):\n%s", step, diff)
				}
			}
		})
	}
}

// FuzzAnswer does the same for what no server writes.
func FuzzAnswer(f *testing.F) {
	for _, text := range answers() {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if len(data) > maxHeader/2 {
			return
		}
		if diff := cmp.Diff(byTransport(t, data), bySelf(data, max(1, step))); diff != "" {
			t.Errorf("(-net/http +health):\n%s", diff)
		}
	})
}

// TestHeaderIsBounded reads no more of an endless header than it must.
func TestHeaderIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"one line":       "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 2*maxHeader),
		"many answers":   strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", maxHeader/8),
		"many rubbish":   strings.Repeat("HTTP/1.1 100 Continue\n\n", maxHeader/4),
		"no line at all": strings.Repeat("x", 3*maxHeader),
	} {
		t.Run(name, func(t *testing.T) {
			in := &pieces{data: []byte(text), step: 4096}
			_, _, err := readAnswer(in, make([]byte, bufferSize))
			if !errors.Is(err, errHeader) {
				t.Errorf("error = %v, want %v", err, errHeader)
			}
			if read := len(text) - len(in.data); read > 2*(maxHeader+maxBody) {
				t.Errorf("read %d bytes", read)
			}
		})
	}
}

// TestTellsAtOnce is about answers after which the program keeps the connection open and says no more.
func TestTellsAtOnce(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"another protocol": {"SSH-2.0-OpenSSH_9.2p1\r\n", `malformed HTTP response "SSH-2.0-OpenSSH_9.2p1"`},
		"rubbish in it":    {"HTTP/1.1 200 OK\r\nrubbish\r\n", `malformed MIME header: missing colon: "rubbish"`},
		"whole answer":     {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""},
		"chunked answer":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ""},
		"no content":       {"HTTP/1.1 204 No Content\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			defer func() { _ = near.Close() }()
			defer func() { _ = far.Close() }()
			go func() { _, _ = far.Write([]byte(tt.text)) }()
			if err := near.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _, err := readAnswer(near, make([]byte, bufferSize))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("error = %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error = %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

// verdict is what a check makes of an answer.
type verdict struct {
	Code int
	Text string
	Err  string
}

func (v *verdict) fail(err error) { v.Err = plain(err).Error() }

func bySelf(data []byte, step int) (v verdict) {
	code, text, err := readAnswer(&pieces{data: data, step: step}, make([]byte, bufferSize))
	if err != nil {
		v.fail(err)
		return v
	}
	v.Code, v.Text = code, text
	return v
}

// byTransport has net/http read the answer on a connection of its own.
func byTransport(t *testing.T, data []byte) (v verdict) {
	t.Helper()
	conn := &scripted{in: bytes.NewReader(data), asked: make(chan struct{})}
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		v.fail(err)
		return v
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	v.Code = resp.StatusCode
	if v.Code < 200 || v.Code > 399 {
		v.Text = resp.Status
	}
	return v
}

// pieces hands out data step bytes at a time.
type pieces struct {
	data []byte
	step int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data[:min(p.step, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}

// scripted is a connection whose answer comes once a request was written.
type scripted struct {
	net.Conn
	in    *bytes.Reader
	once  sync.Once
	asked chan struct{}
}

func (s *scripted) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.asked) })
	return len(b), nil
}

func (s *scripted) Read(b []byte) (int, error) {
	<-s.asked
	return s.in.Read(b)
}

func (s *scripted) Close() error {
	s.once.Do(func() { close(s.asked) })
	return nil
}
