package process

import (
	"time"

	"holdfast/internal/status"
)

// What the newest lines of an instance may hold in memory.
const (
	tailLines = 200
	tailBytes = 64 << 10
)

// stream says where a line came from, in one byte.
type stream uint8

const (
	stdout stream = iota
	stderr
	note
)

func (s stream) String() string {
	switch s {
	case stdout:
		return "stdout"
	case stderr:
		return "stderr"
	case note:
		return "holdfast"
	default:
		return "unknown"
	}
}

// tail keeps the newest lines within tailLines and tailBytes. It takes no memory before the first
// line and none per line afterwards.
type tail struct {
	data    []byte
	entries []entry
	first   int // the oldest entry that still counts; those before it await compaction
}

type entry struct {
	seq        uint64
	at         time.Time
	stream     stream
	start, end int
}

func (t *tail) add(seq uint64, at time.Time, s stream, text []byte) {
	text = cut(text, maxLine)
	for t.first < len(t.entries) && (len(t.entries)-t.first >= tailLines || len(t.data)-t.entries[t.first].start+len(text) > tailBytes) {
		t.first++
	}
	if t.first == len(t.entries) {
		t.entries, t.data, t.first = t.entries[:0], t.data[:0], 0
	}
	// Moving the living half down once it is no more than half keeps the cost per byte constant.
	if t.first > 0 && (t.entries[t.first].start >= tailBytes || t.first >= tailLines) {
		base := t.entries[t.first].start
		t.data = t.data[:copy(t.data, t.data[base:])]
		t.entries = t.entries[:copy(t.entries, t.entries[t.first:])]
		t.first = 0
		for i := range t.entries {
			t.entries[i].start -= base
			t.entries[i].end -= base
		}
	}
	start := len(t.data)
	t.data = append(t.data, text...)
	t.entries = append(t.entries, entry{seq: seq, at: at, stream: s, start: start, end: len(t.data)})
}

// last returns at most n of the newest lines, oldest first.
func (t *tail) last(n int, instance string) []status.Line {
	live := t.entries[t.first:]
	live = live[max(0, len(live)-n):]
	lines := make([]status.Line, 0, len(live))
	for _, e := range live {
		lines = append(lines, status.Line{Seq: e.seq, Time: e.at, Instance: instance, Stream: e.stream.String(), Text: string(t.data[e.start:e.end])})
	}
	return lines
}

// lastOwn returns the text of at most n of the newest lines that are no notes and whose seq is at
// least since, oldest first.
func (t *tail) lastOwn(n int, since uint64) []string {
	live := t.entries[t.first:]
	begin := len(live)
	for count := 0; begin > 0 && count < n && live[begin-1].seq >= since; begin-- {
		if live[begin-1].stream != note {
			count++
		}
	}
	var lines []string
	for _, e := range live[begin:] {
		if e.stream != note {
			lines = append(lines, string(t.data[e.start:e.end]))
		}
	}
	return lines
}
