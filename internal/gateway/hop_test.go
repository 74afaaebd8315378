package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWantsWebSocket(t *testing.T) {
	for _, tc := range []struct {
		name, field string
		values      []string
		want        bool
	}{
		{"good", "X", nil, true},
		{"version 8", "Sec-Websocket-Version", []string{"8"}, false},
		{"two versions", "Sec-Websocket-Version", []string{"13", "8"}, false},
		{"no version", "Sec-Websocket-Version", nil, false},
		{"no key", "Sec-Websocket-Key", nil, false},
		{"two keys", "Sec-Websocket-Key", []string{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="}, false},
		{"short key", "Sec-Websocket-Key", []string{"dGhlIHNhbXBsZQ=="}, false},
		{"key that is none", "Sec-Websocket-Key", []string{"dGhlIHNhbXBsZSBub25jZQ=!"}, false},
		{"Connection without upgrade", "Connection", []string{"keep-alive"}, false},
		{"another protocol", "Upgrade", []string{"h2c"}, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"},
			"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		r.Header[tc.field] = tc.values
		if got := wantsWebSocket(r); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestScrubTrailer(t *testing.T) {
	h := http.Header{
		"Grpc-Status": {"0"}, "X-Sum": {"1"}, "Server-Timing": {"a"},
		"Content-Length": {"3"}, "Transfer-Encoding": {"chunked"}, "Host": {"a"}, "Connection": {"x"}, "Authorization": {"a"},
		"Set-Cookie": {"a=b"}, "Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}, "X-Forwarded-For": {"192.0.2.1"},
		"X_forwarded_for": {"192.0.2.1"}, "Cache-Control": {"public"}, "X-Request-Id": {"a"},
		"X-Caller": {"root"}, "X_caller": {"root"}, "X+Caller": {"root"},
	}
	scrubTrailer(h, []string{"X-Caller"})
	if diff := cmp.Diff(http.Header{"Grpc-Status": {"0"}, "X-Sum": {"1"}, "Server-Timing": {"a"}}, h); diff != "" {
		t.Error(diff)
	}
}
