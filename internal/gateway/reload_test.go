package gateway

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// manyRoutes are n routes of all kinds; generation makes other ones of a tenth of them.
func manyRoutes(n, generation int) map[string]config.Route {
	routes := make(map[string]config.Route, n)
	for i := range n {
		r := config.DefaultRoute()
		r.Match = config.Match{Host: []string{fmt.Sprintf("host%d.example.com", i)}, PathPrefix: "/api"}
		if i%10 == 0 {
			r.Match.PathPrefix = fmt.Sprint("/api/v", generation)
		}
		switch i % 4 {
		case 0:
			r.App, r.StripPrefix = "shop", "/api"
		case 1:
			r.URLs = []string{fmt.Sprint("http://127.0.0.1:", 3000+i%100)}
		case 2:
			r.FileServer = &config.FileServer{Root: fmt.Sprint("/srv/", i)}
		default:
			r.Respond = &config.Respond{Status: 204}
		}
		routes[fmt.Sprintf("route-%05d", i)] = r
	}
	return routes
}

// BenchmarkReload applies configurations that differ in a tenth of their routes.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			set := upstream.NewSet()
			defer set.Close()
			g := New(Options{Upstreams: set, Metrics: prometheus.NewRegistry()})
			configs := []*config.Config{testConfig(manyRoutes(n, 1)), testConfig(manyRoutes(n, 2))}
			if err := g.Listen(b.Context(), configs[0]); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := g.Apply(b.Context(), configs[i%2]); err != nil {
					b.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			if err := g.Run(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// TestDroppedRouteLeavesNoSeries: whatever was counted for a route that is gone is gone, too.
func TestDroppedRouteLeavesNoSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newMetrics(reg)
	gone, stays := m.route(routeKey{"shop", "gone"}), m.route(routeKey{"shop", "stays"})
	for _, r := range []*routeMetrics{gone, stays} {
		r.answered("GET", 200, 1, time.Second)
		r.answered("PUT", 999, 1, time.Second)
		for _, reason := range []string{"connect", "idle", "reset"} {
			r.retried(reason)
		}
		for _, o := range []outcome{waitServed, waitTimeout, waitRefused, waitGone} {
			r.waited(o)
		}
		for _, reason := range []string{"address", "jwt", "cors"} {
			r.denied(reason)
		}
		for _, count := range []func(){r.faulted, r.rateLimited, r.broken, r.unretried, r.uncompressed} {
			count()
		}
		for _, reason := range []string{"breaker_open", "503"} {
			r.fellBack(reason)
		}
	}
	var routes []*route
	for _, own := range []*routeMetrics{gone, stays} {
		routes = append(routes, &route{name: own.key.route, app: own.key.app, metrics: own, breakers: &breakers{}})
	}
	m.guarded(routes)
	series := func() map[string]int {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for _, f := range families {
			for _, metric := range f.GetMetric() {
				for _, l := range metric.GetLabel() {
					if l.GetName() == "route" {
						n[l.GetValue()]++
					}
				}
			}
		}
		return n
	}
	was := series()
	if was["gone"] != 25 || was["gone"] != was["stays"] {
		t.Fatalf("series before: %v", was)
	}
	m.keep([]*route{{metrics: stays}})
	now := series()
	if now["gone"] != 0 || now["stays"] != was["stays"] {
		t.Errorf("series: %v, want those of stays only, as before: %v", now, was)
	}
}

// TestReloadOfManyRoutesLosesNothing changes a tenth of 10 000 routes again and again under load.
func TestReloadOfManyRoutesLosesNothing(t *testing.T) {
	const n = 10000
	configs := []*config.Config{testConfig(manyRoutes(n, 1)), testConfig(manyRoutes(n, 2))}
	r := start(t, configs[0])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var load sync.WaitGroup
	url, stop, answers := r.url("/api/x"), make(chan struct{}), make(chan struct{})
	for worker := range 4 {
		load.Go(func() {
			for i := 3 + 4*worker; ; i = (i + 16) % n {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = fmt.Sprintf("host%d.example.com", i)
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("request to %s: %v", req.Host, err)
					return
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusNoContent {
					t.Errorf("request to %s: status %d", req.Host, res.StatusCode)
					return
				}
				select {
				case <-stop:
					return
				case answers <- struct{}{}:
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		load.Wait()
	}()
	for i := range 20 {
		applied := make(chan error, 1)
		go func() { applied <- r.Apply(t.Context(), configs[(i+1)%2]) }()
		for loading := true; loading; {
			select {
			case err := <-applied:
				if err != nil {
					t.Error(err)
				}
				loading = false
			case <-answers:
			case <-ended:
				t.Fatalf("reload %d: nobody asks any more: %v", i, <-applied)
			}
		}
	}
	close(stop)
	<-ended
}
