package demo

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Handler answers every page of the program. Acts are POST and refuse other sites' pages; what
// only looks is GET.
func (p *Program) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /assets/{file}", p.asset)
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.HandleFunc("GET /info", p.info)
	mux.HandleFunc("/headers", p.headers)
	mux.HandleFunc("GET /slow", p.slow)
	mux.HandleFunc("GET /sse", p.sse)
	mux.HandleFunc("GET /ws", p.echo)
	mux.HandleFunc("POST /crash", p.crashNow)
	mux.HandleFunc("POST /hang", p.hang)
	mux.HandleFunc("POST /leak", p.leak)
	mux.HandleFunc("POST /spew", p.spew)
	mux.HandleFunc("POST /fork", p.fork)
	mux.HandleFunc("POST /stubborn", p.stubborn)
	return p.watch(new(http.CrossOriginProtection).Handler(mux))
}

// watch names the instance on every answer, counts it, and keeps it back while the program hangs.
func (p *Program) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Demo-Instance", p.opts.Instance)
		w.Header().Set("Cache-Control", "no-store")
		if !p.untilAnswering(r) {
			panic(http.ErrAbortHandler) // net/http's word for: no answer at all
		}
		p.served.Add(1)
		if !quiet(r.URL.Path) {
			p.say("%s %s", r.Method, strconv.Quote(r.URL.Path))
		}
		next.ServeHTTP(w, r)
	})
}

// quiet paths are asked for so often that a line for each would hide the others.
func quiet(path string) bool {
	return path == "/healthz" || path == "/info" || strings.HasPrefix(path, "/assets/")
}

// untilAnswering holds a request while the program hangs; false when the request is over.
func (p *Program) untilAnswering(r *http.Request) bool {
	until := p.hungUntil.Load()
	if until == 0 {
		return true
	}
	left := time.Until(time.Unix(0, until))
	if left <= 0 {
		p.hungUntil.CompareAndSwap(until, 0)
		return true
	}
	if !p.wait(r, left) {
		return false
	}
	p.hungUntil.CompareAndSwap(until, 0)
	return true
}

// wait lets a request wait for d; false when it or the program is over before that, or too many wait
// already.
func (p *Program) wait(r *http.Request, d time.Duration) bool { return p.waitUnless(r, d, p.stop) }

// waitUnless is wait with what ends it before its time.
func (p *Program) waitUnless(r *http.Request, d time.Duration, over <-chan struct{}) bool {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-over:
		return false
	}
}

// number reads a whole number from the query or the form, from 0 to limit.
func number(r *http.Request, key string, fallback, limit int) (int, bool) {
	text := r.FormValue(key)
	if text == "" {
		return fallback, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > limit {
		return 0, false
	}
	return n, true
}

// badNumber answers a value that number refused.
func badNumber(w http.ResponseWriter, key string, limit int) {
	http.Error(w, key+" is a whole number from 0 to "+strconv.Itoa(limit), http.StatusBadRequest)
}
