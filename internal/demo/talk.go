package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Info is what GET /info answers.
type Info struct {
	// Instance and PID say who answered.
	Instance string `json:"instance"`
	PID      int    `json:"pid"`
	// StartedAt and UptimeSeconds say since when it runs.
	StartedAt     time.Time `json:"started_at"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	// Served counts the requests answered so far, this one included.
	Served int64 `json:"served"`
	// LeakedMB is the memory held on request, in MiB.
	LeakedMB int `json:"leaked_mb"`
	// Children counts the grandchildren that run.
	Children int `json:"children"`
	// Stubborn is true while a request to stop would be ignored.
	Stubborn bool `json:"stubborn"`
}

// healthz is for probes. It hangs with the rest of the program: that is how a hang is noticed.
func (p *Program) healthz(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintln(w, "ok")
}

func (p *Program) info(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	leaked, children := len(p.leaked), p.children
	p.mu.Unlock()
	writeJSON(w, Info{
		Instance:      p.opts.Instance,
		PID:           p.pid,
		StartedAt:     p.started,
		UptimeSeconds: time.Since(p.started).Seconds(),
		Served:        p.served.Load(),
		LeakedMB:      leaked,
		Children:      children,
		Stubborn:      p.stubbornUntil.Load() != 0,
	})
}

// headers shows the request as the program got it: what the gateway added, replaced and cut.
func (p *Program) headers(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, map[string]any{
		"instance": p.opts.Instance,
		"method":   r.Method,
		"host":     r.Host,
		"url":      r.URL.String(),
		"proto":    r.Proto,
		"remote":   r.RemoteAddr,
		"headers":  r.Header,
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // fails only with the connection
}

// sse sends one event a second until the client goes or an hour is over.
func (p *Program) sse(w http.ResponseWriter, r *http.Request) {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		http.Error(w, "too many requests are waiting", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	end := time.NewTimer(maxStream)
	defer end.Stop()
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: {\"instance\":%q,\"pid\":%d}\n\n", n, p.opts.Instance, p.pid); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		case <-p.stop:
			return
		}
	}
}

// echo sends every WebSocket message back (at most 64 KiB each) until the client closes.
func (p *Program) echo(w http.ResponseWriter, r *http.Request) {
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		http.Error(w, "too many requests are waiting", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow() //nolint:errcheck // nothing is left to do about it
	conn.SetReadLimit(maxWSMessage)
	over := make(chan struct{})
	defer close(over)
	p.sockets.Go(func() {
		select {
		case <-p.stop:
			_ = conn.Close(websocket.StatusGoingAway, "the demo program stops")
		case <-over:
		}
	})
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}
