package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

const (
	eventStream = "text/event-stream"
	// streamBuffer is how many entries a slow follower may be behind before it loses some.
	streamBuffer = 256
	// flushSize bounds what is gathered for one write.
	flushSize = 64 << 10
	// writeTimeout ends a stream whose reader has stopped reading.
	writeTimeout = 10 * time.Second
)

// Gap is the data of a gap event: entries are missing at this place.
type Gap struct {
	Reason GapReason `json:"reason" enum:"slow,forgotten,restarted" doc:"Why entries are missing here."`
	// Missed is how many, 0 when it cannot be known.
	Missed uint64 `json:"missed,omitempty" doc:"How many are missing; absent when it cannot be known."`
}

// GapReason is why entries of a stream are missing.
type GapReason string

const (
	// GapSlow means that the reader did not keep up, or that the writer could not.
	GapSlow GapReason = "slow"
	// GapForgotten means that entries since Last-Event-ID are no longer remembered.
	GapForgotten GapReason = "forgotten"
	// GapRestarted means that Holdfast was started anew since Last-Event-ID.
	GapRestarted GapReason = "restarted"
)

// bootID is a name for one run, for stream ids. Ids count from 1 in each run.
func bootID(started time.Time) string { return strconv.FormatInt(started.UnixMicro(), 36) }

// StreamQuery is what a call takes that is a list or a stream, as Accept asks.
type StreamQuery struct {
	Accept      string `header:"Accept" hidden:"true"`
	LastEventID string `header:"Last-Event-ID" maxLength:"16384" doc:"Streams only: continue after this id. What is no longer remembered is told as a gap."`
	Tail        int    `query:"tail" minimum:"0" maximum:"500" default:"0" doc:"Streams only: begin with so many of the newest entries. Last-Event-ID goes before it."`
}

// wantsStream reports whether the caller asked for server-sent events.
func (in StreamQuery) wantsStream() bool {
	for part := range strings.SplitSeq(in.Accept, ",") {
		if t, _, err := mime.ParseMediaType(part); err == nil && t == eventStream {
			return true
		}
	}
	return false
}

// resume is the position in Last-Event-ID. other is true when it is one of another run.
func (in StreamQuery) resume(boot string) (position string, given, other bool) {
	if in.LastEventID == "" {
		return "", false, false
	}
	run, position, ok := strings.Cut(in.LastEventID, "/")
	if !ok {
		// A bare position is one of this run: whoever has just listed knows no more.
		return in.LastEventID, true, false
	}
	return position, true, run != boot
}

// streamOutput is the answer of such a call.
type streamOutput struct{ Body func(huma.Context) }

// answer is a streamOutput that is no stream.
func answer(body any) *streamOutput {
	return &streamOutput{func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		_ = writeJSON(ctx.BodyWriter(), body)
	}}
}

// streamResponses documents both answers.
func streamResponses(list *huma.Schema, entry string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "A list; or, with Accept: " + eventStream + ", a stream of server-sent events (" + entry + ") that begins with the comment \": connected\", " +
			"has an id in every event to continue from, a comment every 15 s of silence, and an event \"gap\" wherever entries are missing.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: list},
			eventStream:        {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
}

// stream writes server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html).
type stream struct {
	server *Server
	w      http.ResponseWriter
	rc     *http.ResponseController
	buf    bytes.Buffer
}

// openStream answers with a stream that run fills, and calls release when it has ended or cannot be
// opened.
func (s *Server) openStream(ctx context.Context, run func(context.Context, *stream) error, release func()) (*streamOutput, error) {
	slots := s.streams[callOf(ctx).door]
	if slots == nil {
		slots = new(atomic.Int64)
	}
	if slots.Add(1) > int64(s.opts.MaxStreams) {
		slots.Add(-1)
		release()
		return nil, problem(http.StatusServiceUnavailable, CodeTooManyStreams, "%d streams are open, and no more are served: close one", s.opts.MaxStreams)
	}
	return &streamOutput{func(hc huma.Context) {
		defer slots.Add(-1)
		defer release()
		r, w := humachi.Unwrap(hc)
		hc.SetHeader("Content-Type", eventStream)
		hc.SetHeader("X-Accel-Buffering", "no")
		hc.SetStatus(http.StatusOK)
		if r.Method == http.MethodHead {
			return
		}
		st := &stream{server: s, w: w, rc: http.NewResponseController(w)}
		// The server's deadline is for reading a request; this one is read, and only its end counts now.
		_ = st.rc.SetReadDeadline(time.Time{})
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(closingOf(ctx), cancel)()
		st.comment("connected")
		// Whatever ends a stream, the reader has gone or is told to come again.
		_ = run(ctx, st)
	}}, nil
}

func (st *stream) comment(text string) {
	st.buf.WriteString(": ")
	st.buf.WriteString(text)
	st.buf.WriteString("\n\n")
}

// event gathers one event. JSON has no line breaks of its own, so data is one line.
func (st *stream) event(name, id string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	fmt.Fprintf(&st.buf, "event: %s\n", name)
	if id != "" {
		fmt.Fprintf(&st.buf, "id: %s\n", id)
	}
	st.buf.WriteString("data: ")
	st.buf.Write(body)
	st.buf.WriteString("\n\n")
	if st.buf.Len() >= flushSize {
		return st.flush()
	}
	return nil
}

func (st *stream) gap(reason GapReason, missed uint64) error {
	return st.event("gap", "", Gap{reason, missed})
}

// flush sends what was gathered; a reader that takes none of it in time ends the stream.
func (st *stream) flush() error {
	if st.buf.Len() == 0 {
		return nil
	}
	if err := st.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := st.w.Write(st.buf.Bytes()); err != nil {
		return err
	}
	st.buf.Reset()
	return st.rc.Flush()
}

// pump sends what c delivers until ctx ends or c is closed. silent is called before a heartbeat.
func pump[T any](ctx context.Context, st *stream, c <-chan T, send func(T) error, silent func() error) error {
	heartbeat := time.NewTicker(st.server.opts.Heartbeat)
	defer heartbeat.Stop()
	for {
		if err := st.flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-heartbeat.C:
			if err := silent(); err != nil {
				return err
			}
			st.comment("heartbeat")
		case v, ok := <-c:
			for {
				if !ok {
					return st.flush()
				}
				if err := send(v); err != nil {
					return err
				}
				if len(c) == 0 {
					break
				}
				v, ok = <-c
			}
			heartbeat.Reset(st.server.opts.Heartbeat)
		}
	}
}

// gapFinder finds what is missing in numbered entries; an instance's lines have numbers of their own.
type gapFinder struct {
	last map[string]uint64
	told uint64
}

func newGapFinder() *gapFinder { return &gapFinder{last: make(map[string]uint64)} }

// next takes note of entry n of key and returns how many are missing before it; fresh is false for
// one that was there before.
func (g *gapFinder) next(key string, n uint64) (missed uint64, fresh bool) {
	last, known := g.last[key]
	if known && n <= last {
		return 0, false
	}
	g.last[key] = n
	if known {
		missed = n - last - 1
	}
	g.told += missed
	return missed, true
}

// silent returns how many entries were dropped that no number has told about yet.
func (g *gapFinder) silent(dropped uint64) uint64 {
	if dropped <= g.told {
		return 0
	}
	missed := dropped - g.told
	g.told = dropped
	// The next number jumps over what is told now.
	clear(g.last)
	return missed
}
