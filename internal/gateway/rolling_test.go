package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// victim is an instance that dies as a process does that is killed: its port is closed and each of its
// connections is reset, whatever it is doing.
type victim struct {
	handler http.Handler
	name    string

	mu     sync.Mutex
	server *http.Server
	ended  chan struct{}
	conns  map[net.Conn]struct{}
}

// start has it listen, at address if there is one.
func (v *victim) start(address string) status.Target {
	if address == "" {
		address = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", address)
	if err != nil { // somebody else took the port meanwhile
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			panic(err) // also called beside the test's own goroutine
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conns, v.ended = map[net.Conn]struct{}{}, make(chan struct{})
	v.server = &http.Server{
		Handler:           v.handler,
		ReadHeaderTimeout: time.Minute,
		ConnState: func(c net.Conn, s http.ConnState) {
			v.mu.Lock()
			defer v.mu.Unlock()
			switch s {
			case http.StateNew:
				v.conns[c] = struct{}{}
			case http.StateClosed, http.StateHijacked:
				delete(v.conns, c)
			case http.StateActive, http.StateIdle:
			}
		},
	}
	server, ended := v.server, v.ended
	go func() {
		defer close(ended)
		_ = server.Serve(ln)
	}()
	return status.Target{App: "shop", Instance: v.name, Address: ln.Addr().String()}
}

func (v *victim) kill() {
	v.mu.Lock()
	server, ended := v.server, v.ended
	if server == nil {
		v.mu.Unlock()
		return
	}
	v.server = nil
	for c := range v.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	v.mu.Unlock()
	_ = server.Close()
	<-ended
}

// supervise kills the instance at random moments and brings it back, telling the gateway of both as
// supervision does: a little late. It takes turns with the others, so that one is down at a time.
func (v *victim) supervise(r *rig, target status.Target, turn chan struct{}, stop <-chan struct{}) (kills int) {
	pause := func(least, most time.Duration) bool {
		select {
		case <-stop:
			return false
		case <-time.After(least + rand.N(most-least)): // the point of the test: at any moment
			return true
		}
	}
	for pause(80*time.Millisecond, 250*time.Millisecond) {
		<-turn
		v.kill()
		kills++
		pause(0, 5*time.Millisecond)
		if r.set.Pool("shop").Ready() == 1 {
			r.set.Expect("shop", true)
		}
		r.set.SetReady(target, false)
		pause(5*time.Millisecond, 60*time.Millisecond)
		address := ""
		if kills%2 == 0 {
			address = target.Address // it may come back where it was
		}
		target = v.start(address)
		r.set.SetReady(target, true)
		r.set.Expect("shop", false)
		turn <- struct{}{}
	}
	return kills
}

// TestRollingKill sends requests at a constant rate while instances are killed at random. Not one GET
// may fail, with two instances or with one; a POST may be answered with a 502, because it may have been
// executed, and none is executed twice.
func TestRollingKill(t *testing.T) {
	for _, instances := range []int{1, 2} {
		t.Run(fmt.Sprint("instances=", instances), func(t *testing.T) {
			length, rate := 4*time.Second, 500
			if testing.Short() {
				length = time.Second
			}
			routes := appRoute()
			route := routes["shop"]
			route.Parking = config.Parking{MaxRequests: 1000, Timeout: config.Duration(20 * time.Second)}
			routes["shop"] = route
			r := start(t, testConfig(routes))
			var executed sync.Map // id -> *atomic.Int32
			handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.Method == http.MethodPost {
					body, err := io.ReadAll(req.Body)
					if err != nil {
						return // it came in part only: nobody would act on it
					}
					n, _ := executed.LoadOrStore(string(body), new(atomic.Int32))
					n.(*atomic.Int32).Add(1)
				}
				if req.Header.Get("X-Slow") != "" {
					select {
					case <-time.After(10 * time.Millisecond): // some are in flight when it dies
					case <-req.Context().Done():
						return
					}
				}
				_, _ = io.WriteString(w, "done")
			})
			stop := make(chan struct{})
			var supervisors, requests sync.WaitGroup
			var kills atomic.Int64
			// Only one instance is down at a time: that is what two are for.
			turn := make(chan struct{}, 1)
			turn <- struct{}{}
			for i := range instances {
				v := &victim{handler: handler, name: fmt.Sprint("shop-", i+1)}
				target := v.start("")
				r.set.SetReady(target, true)
				supervisors.Go(func() { kills.Add(int64(v.supervise(r, target, turn, stop))) })
				defer v.kill()
			}
			c := testClient(t, false)
			var gets, posts, lost, failed atomic.Int64
			var first atomic.Pointer[error]
			send := func(i int) {
				get := i%3 != 0
				var body io.Reader
				method := http.MethodGet
				if !get {
					method, body = http.MethodPost, io.MultiReader(strings.NewReader(fmt.Sprint(i)))
				}
				req, err := http.NewRequestWithContext(context.Background(), method, r.url("/"), body)
				if err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					req.Header.Set("X-Slow", "yes")
				}
				var res *http.Response
				if res, err = c.Do(req); err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
				if err == nil && res.StatusCode != http.StatusOK {
					err = fmt.Errorf("%s: status %d", method, res.StatusCode)
				}
				if get {
					gets.Add(1)
				} else {
					posts.Add(1)
					if err == nil {
						if n, ok := executed.Load(fmt.Sprint(i)); !ok || n.(*atomic.Int32).Load() != 1 {
							t.Errorf("POST %d was answered, but not executed once", i)
						}
					} else if err.Error() == "POST: status 502" {
						lost.Add(1)
						err = nil
					}
				}
				if err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
				}
			}
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			for i := range int(length.Seconds() * float64(rate)) {
				<-tick.C
				requests.Go(func() { send(i) })
			}
			close(stop)
			supervisors.Wait()
			requests.Wait()
			executed.Range(func(id, n any) bool {
				if n := n.(*atomic.Int32).Load(); n > 1 {
					t.Errorf("POST %v was executed %d times", id, n)
				}
				return true
			})
			t.Logf("%d kills, %d GETs, %d POSTs of which %d were sent and lost", kills.Load(), gets.Load(), posts.Load(), lost.Load())
			if n := failed.Load(); n > 0 {
				t.Errorf("%d requests failed, first: %v", n, *first.Load())
			}
			if kills.Load() < 3 {
				t.Errorf("only %d kills", kills.Load())
			}
			if n := r.metric("holdfast_http_requests_parked"); n != 0 {
				t.Errorf("%v requests are parked at the end", n)
			}
			if served := r.metric("holdfast_http_parked_requests_total", "outcome", "served"); (instances == 1) != (served > 0) {
				t.Errorf("%v requests were parked and served", served)
			}
		})
	}
}
