package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/status"
)

// logWindow bounds the kept lines that one call looks at.
const logWindow = 5000

type logsInput struct {
	AppPath
	Page
	StreamQuery
	Instance string    `query:"instance" maxLength:"80" doc:"Only lines of this instance." example:"shop-1"`
	Stream   string    `query:"stream" enum:"stdout,stderr,holdfast" doc:"Only lines of this stream; holdfast has Holdfast's own notes, such as a start."`
	Since    time.Time `query:"since" doc:"Only lines that are not older."`
}

func (in *logsInput) wants(l status.Line) bool {
	return (in.Stream == "" || l.Stream == in.Stream) && !l.Time.Before(in.Since)
}

func (s *Server) registerLogs() {
	list := s.schemaOf(reflect.TypeFor[List[status.Line]]())
	register(s, huma.Operation{
		OperationID: "list-logs", Method: http.MethodGet, Path: prefix + "/apps/{id}/logs", Tags: []string{"Logs"},
		Summary:     "What an app wrote: a list, or a stream of what it writes",
		Description: "A page holds the newest lines, oldest first; offset goes back in time.",
		Responses:   streamResponses(list, "line"),
	}, viewer, s.logs)
}

func (s *Server) logs(ctx context.Context, in *logsInput) (*streamOutput, error) {
	if !in.wantsStream() {
		lines, err := s.opts.Logs.Tail(in.ID, in.Instance, logWindow)
		if err != nil {
			return nil, err
		}
		lines = slices.DeleteFunc(slices.Clone(lines), func(l status.Line) bool { return !in.wants(l) })
		return answer(newestPage(lines, in.Page)), nil
	}
	position, resumed, other := in.resume(s.boot)
	cursor := logCursor{}
	if resumed && !other {
		var err error
		if cursor, err = parseLogCursor(position); err != nil {
			return nil, problem(http.StatusBadRequest, CodeInvalid, "Last-Event-ID %.50q is not an id of this stream", in.LastEventID)
		}
	}
	lines, err := s.opts.Logs.Follow(in.ID, in.Instance, streamBuffer)
	if err != nil {
		return nil, err
	}
	// After Follow began, so that no line falls between the two; those in both are sent once.
	kept, err := s.opts.Logs.Tail(in.ID, in.Instance, logWindow)
	if err != nil {
		lines.Close()
		return nil, err
	}
	f := &logFollower{in: in, boot: s.boot, lines: lines, cursor: cursor, gaps: newGapFinder()}
	maps.Copy(f.gaps.last, cursor)
	return s.openStream(ctx, func(ctx context.Context, st *stream) error {
		if other {
			if err := st.gap(GapRestarted, 0); err != nil {
				return err
			}
		}
		if !resumed {
			f.skip = f.older(kept)
		}
		return f.follow(ctx, st, kept)
	}, lines.Close)
}

// newestPage counts the page from the newest line backwards.
func newestPage(lines []status.Line, p Page) List[status.Line] {
	end := max(len(lines)-p.Offset, 0)
	return List[status.Line]{
		Data:  append([]status.Line{}, lines[max(end-p.Limit, 0):end]...),
		Total: len(lines),
	}
}

// logFollower is one open stream of lines.
type logFollower struct {
	in     *logsInput
	boot   string
	lines  Follower
	cursor logCursor
	gaps   *gapFinder
	skip   int // kept lines that are too old to be sent
}

// older is how many of the kept lines come before the newest in.Tail wanted ones.
func (f *logFollower) older(kept []status.Line) int {
	start, n := len(kept), 0
	for start > 0 && n < f.in.Tail {
		start--
		if f.in.wants(kept[start]) {
			n++
		}
	}
	return start
}

func (f *logFollower) follow(ctx context.Context, st *stream, kept []status.Line) error {
	for i, l := range kept {
		if i < f.skip {
			f.gaps.next(l.Instance, l.Seq)
			f.cursor[l.Instance] = l.Seq
			continue
		}
		if err := f.send(st, l); err != nil {
			return err
		}
	}
	return pump(ctx, st, f.lines.C(), func(l status.Line) error { return f.send(st, l) }, func() error {
		if n := f.gaps.silent(f.lines.Dropped()); n > 0 {
			return st.gap(GapSlow, n)
		}
		return nil
	})
}

func (f *logFollower) send(st *stream, l status.Line) error {
	missed, fresh := f.gaps.next(l.Instance, l.Seq)
	if !fresh {
		return nil
	}
	if missed > 0 {
		if err := st.gap(GapSlow, missed); err != nil {
			return err
		}
	}
	f.cursor[l.Instance] = l.Seq
	if !f.in.wants(l) {
		return nil
	}
	return st.event("line", f.boot+"/"+f.cursor.String(), l)
}

// logCursor is the newest line sent of each instance: "shop-1:12,shop-2:40".
type logCursor map[string]uint64

// String is the form in stream ids.
func (c logCursor) String() string {
	parts := make([]string, 0, len(c))
	for _, instance := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%s:%d", instance, c[instance]))
	}
	return strings.Join(parts, ",")
}

func parseLogCursor(text string) (logCursor, error) {
	c := logCursor{}
	for part := range strings.SplitSeq(text, ",") {
		instance, seq, ok := strings.Cut(part, ":")
		n, err := strconv.ParseUint(seq, 10, 64)
		if !ok || instance == "" || err != nil {
			return nil, fmt.Errorf("log cursor %q: want INSTANCE:NUMBER, separated by commas", text)
		}
		c[instance] = n
	}
	return c, nil
}
