package gateway

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestEventStreamDoesNotHoldUpTheEnd has a client that reads events for good: the gateway's end ends
// the stream in good order at once, instead of waiting for what never comes.
func TestEventStreamDoesNotHoldUpTheEnd(t *testing.T) {
	r := start(t, testConfig(appRoute()), func(o *Options) { o.DrainTimeout = time.Hour })
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, "data: first\n\n")
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	}))
	res, err := testClient(t, false).Get(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	events := bufio.NewReader(res.Body)
	if line, err := events.ReadString('\n'); line != "data: first\n" {
		t.Fatalf("first line %q, %v", line, err)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(events); err != nil || string(rest) != "\n" {
		t.Errorf("the stream ended with %q, %v; want a good end", rest, err)
	}
}
