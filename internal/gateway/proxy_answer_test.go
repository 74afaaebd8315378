package gateway

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// TestAnswersAsTheyAre shows that what a target says reaches the client, and nothing that it did not say.
func TestAnswersAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		want, not    []string
	}{
		{
			"no Content-Type is guessed, which browsers would believe",
			"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n<script>alert(1)</script>",
			[]string{"HTTP/1.1 200 OK\r\n", "\r\n\r\n<script>alert(1)</script>"},
			[]string{"Content-Type"},
		},
		{
			"an answer that is cut off is begun",
			"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
			[]string{"HTTP/1.1 200 OK\r\n", "Content-Length: 100\r\n", "\r\n\r\nabc"},
			nil,
		},
		{
			"an interim answer has no other name for the request",
			"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-Id: theirs\r\n\r\nHTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nok",
			[]string{"HTTP/1.1 103 Early Hints\r\n", "Link: </a>\r\n", "HTTP/1.1 200 OK\r\n", "X-Request-Id: "},
			[]string{"theirs"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = conn.Write([]byte(c.answer))
				_ = conn.Close()
			}))
			client, err := net.Dial("tcp", r.Addrs()["web"])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			all, _ := io.ReadAll(client) // how it ends does not matter
			got := string(all)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in %q", want, got)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("%q stands in %q", not, got)
				}
			}
		})
	}
}

// TestCircle has a route that leads back to its own listener.
func TestCircle(t *testing.T) {
	routes := appRoute()
	r := start(t, testConfig(routes))
	r.reload(func(c *config.Config) {
		route := c.Routes["shop"]
		route.App, route.URLs = "", []string{r.url("")}
		c.Routes["shop"] = route
	})
	res, body := get(t, testClient(t, false), "GET", r.url("/"))
	if res.StatusCode != http.StatusLoopDetected || !strings.Contains(body, `"code":"loop"`) {
		t.Errorf("GET = %d %.200s", res.StatusCode, body)
	}
	requests := 0
	r.access.wait(t, func(map[string]any) bool { requests++; return requests == maxPasses+1 })
	for _, c := range []struct {
		passes string
		want   bool
	}{
		{strings.Repeat("1.1 holdfast, ", maxPasses-1) + "1.1 other", false},
		{strings.Repeat("2.0 holdfast, ", maxPasses-1) + "1.1 holdfast", true},
		{strings.Repeat("1.1 other, ", 10*maxPasses), false},
	} {
		if circles([]string{c.passes}) != c.want {
			t.Errorf("circles(%s) = %t", c.passes, !c.want)
		}
	}
}
