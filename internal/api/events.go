package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/event"
)

type eventsInput struct {
	Page
	StreamQuery
	App      string `query:"app" maxLength:"64" doc:"Only events about this app."`
	Instance string `query:"instance" maxLength:"80" doc:"Only events about this instance."`
	Type     string `query:"type" maxLength:"64" doc:"Only events of this type, such as instance.exited."`
	Severity string `query:"severity" enum:"info,warning,error" doc:"Only events that are at least so severe."`
	After    uint64 `query:"after" doc:"Lists only: events with a higher id."`
	Sort     string `query:"sort" enum:"id,-id" default:"-id" doc:"Lists only: oldest or newest first."`
}

func (in *eventsInput) query() event.Query {
	return event.Query{
		App: in.App, Instance: in.Instance, Type: event.Type(in.Type), MinSeverity: event.Severity(in.Severity),
		AfterID: in.After, Newest: in.Sort == "-id", Limit: in.Limit, Offset: in.Offset,
	}
}

func (s *Server) registerEvents() {
	list := s.schemaOf(reflect.TypeFor[List[event.Event]]())
	register(s, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: prefix + "/events", Tags: []string{"Events"},
		Summary:   "What happened: a list, or a stream of what happens",
		Responses: streamResponses(list, "event"),
	}, viewer, s.events)
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*streamOutput, error) {
	if !in.wantsStream() {
		events, total := s.opts.Bus.List(in.query())
		if events == nil {
			events = []event.Event{}
		}
		return answer(List[event.Event]{Data: events, Total: total}), nil
	}
	position, resumed, other := in.resume(s.boot)
	var after uint64
	if resumed && !other {
		n, err := strconv.ParseUint(position, 10, 64)
		if err != nil {
			return nil, problem(http.StatusBadRequest, CodeInvalid, "Last-Event-ID %.50q is not an id of this stream", in.LastEventID)
		}
		after = n
	}
	sub, missed, forgotten := s.opts.Bus.SubscribeSince(after, streamBuffer)
	f := &eventFollower{in: in, boot: s.boot, sub: sub, gaps: newGapFinder()}
	return s.openStream(ctx, func(ctx context.Context, st *stream) error {
		switch {
		case other:
			f.begin = GapRestarted
		case resumed && forgotten:
			f.begin = GapForgotten
		case !resumed:
			missed = f.newest(missed)
		}
		return f.follow(ctx, st, missed)
	}, sub.Close)
}

// eventFollower is one open stream of events.
type eventFollower struct {
	in    *eventsInput
	boot  string
	sub   *event.Subscription
	gaps  *gapFinder
	begin GapReason // told first, unless empty
}

// newest is the last in.Tail wanted events of what is remembered.
func (f *eventFollower) newest(all []event.Event) []event.Event {
	start, n := len(all), 0
	for start > 0 && n < f.in.Tail {
		start--
		if f.wants(all[start]) {
			n++
		}
	}
	return all[start:]
}

func (f *eventFollower) wants(e event.Event) bool {
	in := f.in
	return (in.App == "" || e.App == in.App) &&
		(in.Instance == "" || e.Instance == in.Instance) &&
		(in.Type == "" || e.Type == event.Type(in.Type)) &&
		(in.Severity == "" || severityRank(e.Severity) >= severityRank(event.Severity(in.Severity)))
}

func severityRank(s event.Severity) int {
	return slices.Index([]event.Severity{event.Info, event.Warning, event.Error}, s)
}

func (f *eventFollower) follow(ctx context.Context, st *stream, missed []event.Event) error {
	if f.begin != "" {
		if err := st.gap(f.begin, 0); err != nil {
			return err
		}
	}
	send := func(e event.Event) error { return f.send(st, e) }
	for _, e := range missed {
		if err := send(e); err != nil {
			return err
		}
	}
	return pump(ctx, st, f.sub.C, send, func() error {
		if n := f.gaps.silent(f.sub.Dropped()); n > 0 {
			return st.gap(GapSlow, n)
		}
		return nil
	})
}

func (f *eventFollower) send(st *stream, e event.Event) error {
	missed, _ := f.gaps.next("", e.ID)
	if missed > 0 {
		if err := st.gap(GapSlow, missed); err != nil {
			return err
		}
	}
	if !f.wants(e) {
		return nil
	}
	return st.event("event", fmt.Sprintf("%s/%d", f.boot, e.ID), e)
}
