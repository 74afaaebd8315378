package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// Entry is one entry of a stream: a value, or the news that values are missing here.
type Entry[T any] struct {
	// ID continues the stream behind this entry; empty in a gap.
	ID    string
	Value T
	// Gap is nil but in the place of missing entries.
	Gap *Gap
}

// FollowLogs delivers an app's lines, beginning with q.Newest of the newest or behind q.After, until
// the loop is left, ctx ends, or Holdfast ends the stream; then the last error is nil.
func (c *Client) FollowLogs(ctx context.Context, q LogQuery) iter.Seq2[Entry[status.Line], error] {
	return follow[status.Line](ctx, c, "line", q.path(), q.values(), position{q.Newest, q.After, q.Connected})
}

// FollowEvents does the same with events.
func (c *Client) FollowEvents(ctx context.Context, q EventQuery) iter.Seq2[Entry[event.Event], error] {
	return follow[event.Event](ctx, c, "event", "/events", q.values(), position{q.Newest, q.After, q.Connected})
}

// position is where a stream begins.
type position struct {
	newest    int
	after     string
	connected func()
}

func follow[T any](ctx context.Context, c *Client, name, path string, query url.Values, at position) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		// The connection ends with the loop, whoever leaves it.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		header := http.Header{"Accept": {eventStream}}
		if at.after != "" {
			header.Set("Last-Event-ID", at.after)
		} else {
			query.Set("tail", strconv.Itoa(at.newest))
		}
		resp, err := c.send(ctx, http.MethodGet, path+"?"+query.Encode(), nil, header)
		if err != nil {
			yield(Entry[T]{}, err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		if at.connected != nil {
			at.connected()
		}
		for message, err := range readEvents(resp.Body) {
			if err != nil {
				if ctx.Err() == nil {
					yield(Entry[T]{}, err)
				}
				return
			}
			entry, known, err := decodeEntry[T](name, message)
			if known || err != nil {
				if !yield(entry, err) {
					return
				}
			}
		}
	}
}

// decodeEntry ignores events of names that later versions may send.
func decodeEntry[T any](name string, m message) (entry Entry[T], known bool, err error) {
	entry.ID = m.id
	var into any
	switch m.name {
	case name:
		into = &entry.Value
	case "gap":
		entry.Gap = new(Gap)
		into = entry.Gap
	default:
		return entry, false, nil
	}
	if err := json.Unmarshal(m.data, into); err != nil {
		return entry, true, fmt.Errorf("stream: event %q: %w", m.name, err)
	}
	return entry, true, nil
}
