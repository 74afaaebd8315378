//go:build faults && linux

package faults

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"holdfast/build/rig"
)

// TestRollingKill kills one instance after the other under a constant rate of requests.
func TestRollingKill(t *testing.T) {
	for _, instances := range []int{2, 1} {
		t.Run(fmt.Sprintf("instances=%d", instances), func(t *testing.T) {
			h := newHome(t, fmt.Sprintf("%s\napps:\n  web:\n    command: [\"{holdfast}\", demo-app]\n    instances: %d\n    restart: {backoff: 100ms, max_backoff: 100ms, max_restarts: 0}\nroutes:\n  web: {app: web}\n", head, instances))
			r := h.StartReady()
			r.WaitHealthy("web")
			const requests = 20000
			rate := pick(1000, 500)
			done := make(chan struct{})
			var killer sync.WaitGroup
			kills := 0
			killer.Go(func() {
				tick := time.NewTicker(time.Second)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
					}
					id := fmt.Sprintf("web-%d", kills%instances+1)
					if i := h.Instance("web", id); i.Ready {
						_ = syscall.Kill(i.PID, syscall.SIGKILL)
						kills++
					}
				}
			})
			// A little longer: the attacker ends by the clock, and may be one request short.
			m := attack(h.Gateway, rate, requests/time.Duration(rate)*time.Second+20*time.Millisecond)
			close(done)
			killer.Wait()
			row(t, fmt.Sprintf("rolling kill, %d instance(s)", instances), failures(m) == 0 && m.Requests >= requests && kills > 5, "0 failed",
				"%d requests at %d/s, %d kills: %d failed %v, p99 %v, longest %v", m.Requests, rate, kills, failures(m), m.Errors,
				m.Latencies.P99.Round(100*time.Microsecond), m.Latencies.Max.Round(time.Millisecond))
			r.Stop()
		})
	}
}

// TestReloads changes the configuration a hundred times under load.
func TestReloads(t *testing.T) {
	revision := func(n int) string {
		return head + fmt.Sprintf("apps:\n  web: {command: [\"{holdfast}\", demo-app], instances: 2}\nroutes:\n  web: {app: web}\n  revision: {match: {path: /revision}, respond: {body: \"revision %d\"}}\n", n)
	}
	h := newHome(t, revision(0))
	r := h.StartReady()
	r.WaitHealthy("web")
	before := h.App("web")
	l := rig.StartLoad(t, h.Gateway, 8, 10*time.Second, "/info")
	reloads := pick(100, 1000)
	began := time.Now()
	for n := 1; n <= reloads; n++ {
		h.Write(revision(n))
		if err := r.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("revision %d", n)
		r.WaitFor(want, func() bool {
			_, body, err := h.Call("GET", "/revision")
			return err == nil && body == want
		})
	}
	took := time.Since(began)
	got := l.Stop()
	restarts := 0
	for i, was := range before.Instances {
		if h.App("web").Instances[i].PID != was.PID {
			restarts++
		}
	}
	row(t, "reloads under load", got.Failed == 0 && got.Dropped == 0 && restarts == 0, "0 failed, 0 dropped, 0 restarted",
		"%d reloads in %v: %v; %d restarted", reloads, took.Round(time.Millisecond), got, restarts)
	r.Stop()
}

// proxied puts toxiproxy before a server and returns its address.
func proxied(t *testing.T, upstream string) *toxiproxy.Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "upstream", "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return proxy
}

// TestSickUpstreams makes one upstream slow, mute and half-open; the other routes must not notice, and
// the sick one's requests end when their route says so.
func TestSickUpstreams(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("well")) }))
	defer upstream.Close()
	proxy := proxied(t, strings.TrimPrefix(upstream.URL, "http://"))
	h := newHome(t, head+fmt.Sprintf(`
apps:
  web: {command: ["{holdfast}", demo-app]}
routes:
  web: {app: web}
  sick: {match: {path_prefix: /sick}, urls: ["http://%s"], timeout: 500ms}
`, proxy.Listen))
	r := h.StartReady()
	r.WaitHealthy("web")
	for _, sickness := range []struct {
		name string
		add  func() // to the proxy
		want int
	}{
		{"slow (200 ms)", func() { toxic(t, proxy, "latency", `{"latency": 200}`) }, http.StatusOK},
		{"too slow (2 s)", func() { toxic(t, proxy, "latency", `{"latency": 2000}`) }, http.StatusGatewayTimeout},
		{"half-open (says nothing)", func() { toxic(t, proxy, "timeout", `{"timeout": 0}`) }, http.StatusGatewayTimeout},
		{"resets", func() { toxic(t, proxy, "reset_peer", `{"timeout": 0}`) }, http.StatusBadGateway},
		{"one byte at a time", func() { toxic(t, proxy, "slicer", `{"average_size": 1, "size_variation": 0, "delay": 100}`) }, http.StatusOK},
		{"down", func() { proxy.Stop() }, http.StatusBadGateway},
	} {
		sickness.add()
		well := rig.StartLoad(t, h.Gateway, 4, 3*time.Second, "/info")
		codes := make(map[int]int)
		longest := time.Duration(0)
		for range pick(4, 40) {
			began := time.Now()
			code, _, err := h.Call("GET", "/sick")
			if err != nil {
				code = 0
			}
			codes[code]++
			longest = max(longest, time.Since(began))
		}
		got := well.Stop()
		row(t, "upstream "+sickness.name, got.Failed == 0 && codes[sickness.want] > 0 && len(codes) == 1 && longest < 3*time.Second,
			fmt.Sprintf("answered %d in time, the others unharmed", sickness.want),
			"answers %v, the slowest after %v; the others: %v", codes, longest.Round(time.Millisecond), got)
		proxy.Toxics.ResetToxics(t.Context())
	}
	r.Stop()
}

func toxic(t *testing.T, proxy *toxiproxy.Proxy, kind, attributes string) {
	t.Helper()
	text := fmt.Sprintf(`{"type": %q, "stream": "downstream", "toxicity": 1, "attributes": %s}`, kind, attributes)
	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// TestHalfOpenClients opens connections, sends half a request and goes away without a word.
func TestHalfOpenClients(t *testing.T) {
	h := newHome(t, strings.Replace(web, `address: "{gateway}"`, `address: "{gateway}", read_header_timeout: 1s`, 1))
	r := h.StartReady()
	r.WaitHealthy("web")
	var open []net.Conn
	for range 500 {
		conn, err := net.DialTimeout("tcp", h.Gateway, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte("GET /info HTTP/1.1\r\nHost: x\r\nX-"))
		open = append(open, conn)
	}
	m := attack(h.Gateway, 100, pick(3*time.Second, 30*time.Second))
	ended := 0
	for _, conn := range open {
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		var err error
		for err == nil {
			_, err = conn.Read(make([]byte, 512))
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			ended++
		}
		_ = conn.Close()
	}
	row(t, "half-open clients", failures(m) == 0 && ended == len(open), "0 failed, all ended in time",
		"%d connections with half a request: %d ended; %d requests beside them, %d failed", len(open), ended, m.Requests, failures(m))
	r.Stop()
}
