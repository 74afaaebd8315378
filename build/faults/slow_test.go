//go:build faults && linux

package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/build/rig"
)

// healthBound is how long a health request may take beside any attack.
const healthBound = time.Second

// prober asks for the health of an app again and again, each time on a new connection.
type prober struct {
	stop    chan struct{}
	done    sync.WaitGroup
	longest time.Duration
	asked   int
	failed  int
}

func probe(address string) *prober {
	p := &prober{stop: make(chan struct{})}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	p.done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
			began := time.Now()
			p.asked++
			res, err := client.Get("http://" + address + "/info")
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			if err != nil || res.StatusCode != http.StatusOK {
				p.failed++
			}
			p.longest = max(p.longest, time.Since(began))
		}
	})
	return p
}

// end ends the probing.
func (p *prober) end() {
	close(p.stop)
	p.done.Wait()
}

// well reports whether every request was answered in time; what a server without any load took beside it
// is the machine's, not Holdfast's.
func (p *prober) well(beside *prober) bool {
	return p.asked > 0 && p.failed == 0 && p.longest < healthBound+beside.longest
}

func (p *prober) String() string {
	return fmt.Sprintf("%d health requests, %d failed, the longest %v", p.asked, p.failed, p.longest.Round(time.Millisecond))
}

// siege measures Holdfast and a health request while attack runs.
func siege(t *testing.T, name string, r *rig.Holdfast, growth float64, attack func() (ok bool, figure string)) {
	t.Helper()
	before := r.ResidentKiB()
	resident := rig.WatchResident(t, r)
	idle := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer idle.Close()
	p, beside := probe(r.Gateway), probe(idle.Listener.Addr().String())
	var ok bool
	var figure string
	cpu := usage(r, func() { ok, figure = attack() })
	p.end()
	beside.end()
	well := p.well(beside)
	grown := float64(resident.Peak()-before) / 1024
	row(t, name, ok && well && grown < growth, fmt.Sprintf("health under %v, resident below +%.0f MB", healthBound, growth),
		"%s; %v (an idle server beside it: %v); %.0f %% of a core, resident +%.1f MB", figure, p, beside.longest.Round(time.Millisecond), 100*cpu, grown)
}

// number is the sum of a metric's series that begin so.
func number(r *rig.Holdfast, series string) float64 {
	n, _ := strconv.ParseFloat(r.Metric(series), 64)
	return n
}

// TestSlowHTTP has slowhttptest open a thousand connections and be slow in each of its ways.
func TestSlowHTTP(t *testing.T) {
	for _, c := range []struct {
		name, ended string
		args        []string
	}{
		{"slow headers", "holdfast_bad_requests_total", []string{"-H", "-i", "2", "-x", "24"}},
		{"slow bodies", `holdfast_connections_ended_total{listener="web",reason="slow_body"}`, []string{"-B", "-i", "2", "-s", "8192", "-x", "2", "-t", "POST"}},
		{"slow readers", `holdfast_connections_ended_total{listener="web",reason="slow_answer"}`, []string{"-X", "-n", "5", "-z", "32", "-w", "512", "-y", "1024", "-k", "1"}},
		{"ranges", "", []string{"-R", "-a", "1", "-b", "3000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t, strings.Replace(web, "routes:", "routes:\n  large: {match: {path_prefix: /large}, strip_prefix: /large, file_server: {root: \"{dir}\"}}", 1))
			if err := exec.Command("truncate", "-s", "64M", h.Dir+"/file").Run(); err != nil {
				t.Fatal(err)
			}
			r := h.StartReady()
			r.WaitHealthy("web")
			path := "/info"
			if c.name == "slow readers" || c.name == "ranges" {
				path = "/large/file"
			}
			seconds := pick(20, 120)
			siege(t, c.name, r, 64, func() (bool, string) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds+60)*time.Second)
				defer cancel()
				args := append([]string{"-c", "1000", "-r", "500", "-p", "3", "-l", strconv.Itoa(seconds), "-u", "http://" + h.Gateway + path}, c.args...)
				out, err := exec.CommandContext(ctx, "slowhttptest", args...).CombinedOutput()
				if err != nil && ctx.Err() != nil {
					t.Fatalf("slowhttptest: %v\n%s", err, out)
				}
				if c.ended == "" {
					return true, "1000 connections"
				}
				ended := number(r, c.ended)
				return ended > 0, fmt.Sprintf("1000 connections, %.0f ended for it", ended)
			})
			r.Stop()
		})
	}
}

// TestIdleConnections opens two thousand connections that say nothing more after a request.
func TestIdleConnections(t *testing.T) {
	h := newHome(t, web)
	r := h.StartReady()
	r.WaitHealthy("web")
	const count = 2000
	siege(t, "idle connections", r, 96, func() (bool, string) {
		open := 0
		for range count {
			conn, err := net.DialTimeout("tcp", h.Gateway, 5*time.Second)
			if err != nil {
				break
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.WriteString(conn, "GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
			if n, err := conn.Read(make([]byte, 4096)); n > 0 && err == nil {
				open++
			}
		}
		rig.Pause(pick(5*time.Second, time.Minute))
		counted := number(r, "holdfast_connections{")
		return open == count && counted >= count, fmt.Sprintf("%d open, %.0f counted", open, counted)
	})
	r.Stop()
}

// TestFullListener takes every place that there is, and says nothing. New clients get in all the same.
func TestFullListener(t *testing.T) {
	h := newHome(t, strings.Replace(web, `address: "{gateway}"`, `address: "{gateway}", max_connections: 200`, 1))
	r := h.StartReady()
	r.WaitHealthy("web")
	for range 300 {
		conn, err := net.DialTimeout("tcp", h.Gateway, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	rig.Pause(2500 * time.Millisecond) // until they count as idle
	siege(t, "listener full of idle connections", r, 64, func() (bool, string) {
		rig.Pause(5 * time.Second)
		room := number(r, `holdfast_connections_ended_total{listener="web",reason="room"}`)
		refused := number(r, `holdfast_connections_rejected_total{listener="web",reason="max_connections"}`)
		return room > 0 && refused >= 100, fmt.Sprintf("300 connections to 200 places: %.0f refused; then %.0f made room", refused, room)
	})
	r.Stop()
}
