package process

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"holdfast/internal/status"
)

// Bounds of what one Output may hold and wait.
const (
	// maxPending is how many bytes may wait for the file.
	maxPending = 1 << 20
	// maxStall is how long a child may be kept waiting for the file before lines are dropped.
	maxStall = 100 * time.Millisecond
	// retryFile is how often a file that cannot be written is tried again.
	retryFile = time.Second
	// closeWait is how long Close waits for a file that does not answer.
	closeWait = 5 * time.Second
)

// OutputOptions say where the lines of one instance go.
type OutputOptions struct {
	// Path is the live file; its folder is made (default: no file, memory only).
	Path string
	// MaxSize in bytes is when the file is rotated (default 50 MiB).
	MaxSize int64
	// MaxFiles is how many rotated files, Path.1 being the newest, are kept (default 0).
	MaxFiles int
	// Instance is the name given in status.Line.
	Instance string
	// Encoding is how the child encodes what it writes, in the words of the configuration's
	// output.encoding (default auto).
	Encoding string
}

// Output captures what one instance writes, over all its restarts: the newest lines in memory, all
// lines in a rotated file, live lines to followers. It never keeps a child waiting for longer than
// maxStall: what the file cannot take in time is dropped, counted, and noted in the file.
//
// A line of the file is "2006-01-02T15:04:05.000000Z stdout text", in UTC.
type Output struct {
	instance string

	mu        sync.Mutex
	seq       uint64 // of the newest line; the first is 1
	dropped   uint64 // lines that did not reach the file
	unnoted   uint64 // those of them that no note has told yet
	tail      tail
	charset   charset
	scratch   []byte // one line, made safe
	recoded   []byte // one line, decoded
	followers map[*Follower]struct{}

	limits  limits    // wanted of the file
	file    *rotated  // nil without a file; used by the writer only
	pending []byte    // formatted lines for the file
	lines   uint64    // in pending
	bufs    sync.Pool // *[]byte for pending; the garbage collector empties it after a burst
	stamp   stamp
	room    chan struct{}
	stalled bool      // the file did not answer within maxStall: do not wait for it again
	failed  error     // why the file cannot be written
	retryAt time.Time // when it is tried again
	writing bool
	closed  bool
	writer  sync.WaitGroup
}

// NewOutput makes an Output; the file is opened with the first line.
func NewOutput(o OutputOptions) *Output {
	out := &Output{
		instance: o.Instance, charset: charsetOf(o.Encoding, systemEncoding()), followers: map[*Follower]struct{}{},
	}
	if o.Path != "" {
		out.limits = limits{o.MaxSize, o.MaxFiles}
		out.file = newRotated(o.Path, out.limits)
	}
	return out
}

// SetLimits replaces OutputOptions.MaxSize and MaxFiles; they count from the next line on.
func (o *Output) SetLimits(maxSize int64, maxFiles int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits = limits{maxSize, maxFiles}
}

// SetEncoding replaces OutputOptions.Encoding; it counts from the next process on.
func (o *Output) SetEncoding(name string) {
	c := charsetOf(name, systemEncoding())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.charset = c
}

// Note writes a line of ours, with the stream "holdfast".
func (o *Output) Note(text string) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range strings.SplitSeq(text, "\n") {
		o.add(now, note, []byte(line))
	}
	o.wake(now)
}

// Tail returns at most n of the newest lines, oldest first. Memory holds the newest 200 lines and
// 64 KiB of text.
func (o *Output) Tail(n int) []status.Line {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tail.last(n, o.instance)
}

// lastOwn is what a child whose first line was since wrote last.
func (o *Output) lastOwn(n int, since uint64) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tail.lastOwn(n, since)
}

// Lines counts the lines written since the Output was made.
func (o *Output) Lines() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq
}

// Dropped counts the lines that did not reach the file.
func (o *Output) Dropped() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Err is why the file cannot be written at present, nil when it can.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// Close flushes the file, waiting for it no longer than five seconds, and closes the followers. Lines that come later
// are kept in memory only.
func (o *Output) Close() error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	o.retryAt = time.Time{}
	o.wake(time.Now())
	for f := range o.followers {
		o.drop(f)
	}
	o.mu.Unlock()

	flushed := make(chan struct{})
	go func() {
		o.writer.Wait()
		close(flushed)
	}()
	select {
	case <-flushed:
	case <-time.After(closeWait):
		return fmt.Errorf("instance %q: output file: no answer from the disk within %s", o.instance, closeWait)
	}
	if o.file == nil {
		return nil
	}
	return o.file.close()
}

// ingest takes bytes that a child wrote.
func (o *Output) ingest(s stream, split *splitter, p []byte) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	split.take(o.charset, p, func(line []byte) { o.add(now, s, line) })
	o.wake(now)
}

// flush takes what is left of an unfinished line.
func (o *Output) flush(s stream, split *splitter) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	split.end(o.charset, func(line []byte) { o.add(now, s, line) })
	o.wake(now)
}

// add is called with mu held.
func (o *Output) add(now time.Time, s stream, line []byte) {
	text := line
	if plain(line) != len(line) {
		if o.charset.fallback != nil && s != note && !utf8.Valid(line) {
			o.recoded = recode(o.recoded, o.charset.fallback, line)
			line = o.recoded
		}
		o.scratch = sanitize(o.scratch[:0], line)
		text = o.scratch
	}
	o.seq++
	o.tail.add(o.seq, now, s, text)
	if len(o.followers) > 0 {
		l := status.Line{Seq: o.seq, Time: now, Instance: o.instance, Stream: s.String(), Text: string(text)}
		for f := range o.followers {
			f.offer(l)
		}
	}
	o.queue(now, s, text)
}

// queue puts a line before the writer, or drops it.
func (o *Output) queue(now time.Time, s stream, text []byte) {
	if o.file == nil {
		return
	}
	if o.closed || len(o.pending)+len(text) > maxPending || o.failed != nil && now.Before(o.retryAt) {
		o.dropped++
		o.unnoted++
		return
	}
	if o.pending == nil {
		if b, ok := o.bufs.Get().(*[]byte); ok {
			o.pending = (*b)[:0]
		}
	}
	o.pending = append(o.pending, o.stamp.of(now)...)
	o.pending = append(o.pending, s.String()...)
	o.pending = append(o.pending, ' ')
	o.pending = append(o.pending, text...)
	o.pending = append(o.pending, '\n')
	o.lines++
}

// stamp is the beginning of a line. Lines that come in one piece have one time, written once.
type stamp struct {
	at   time.Time
	text []byte
}

func (s *stamp) of(now time.Time) []byte {
	if s.text == nil || !now.Equal(s.at) {
		s.at = now
		s.text = append(now.UTC().AppendFormat(s.text[:0], "2006-01-02T15:04:05.000000Z07:00"), ' ')
	}
	return s.text
}

// waitRoom is called before bytes are read from a child: a healthy disk that is merely slower than
// the child loses nothing, a disk that hangs costs the child maxStall once.
func (o *Output) waitRoom() {
	o.mu.Lock()
	if len(o.pending) < maxPending/2 || o.stalled || o.failed != nil || !o.writing {
		o.mu.Unlock()
		return
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	room := o.room
	o.mu.Unlock()
	timer := time.NewTimer(maxStall)
	defer timer.Stop()
	select {
	case <-room:
	case <-timer.C:
		o.mu.Lock()
		if o.room == room {
			o.stalled = true
		}
		o.mu.Unlock()
	}
}

// wake starts the writer when there is something to write and none is at work. Called with mu held.
func (o *Output) wake(now time.Time) {
	if o.writing || o.file == nil || len(o.pending) == 0 || o.failed != nil && now.Before(o.retryAt) {
		return
	}
	o.writing = true
	o.writer.Go(o.write)
}

// write is the writer: it ends as soon as nothing is left.
func (o *Output) write() {
	for {
		o.mu.Lock()
		if len(o.pending) == 0 {
			o.writing = false
			o.mu.Unlock()
			return
		}
		buf, lines, wanted := o.pending, o.lines, o.limits
		o.pending, o.lines = nil, 0
		o.makeRoom()
		if o.unnoted > 0 && o.failed == nil {
			o.noteDrops("the disk could not keep up")
		}
		o.mu.Unlock()

		o.file.setLimits(wanted)
		written, err := o.file.write(buf)
		o.mu.Lock()
		o.wrote(lines, written, err)
		o.mu.Unlock()
		o.bufs.Put(&buf)
	}
}

// wrote notes the outcome of one write. Called with mu held.
func (o *Output) wrote(lines, written uint64, err error) {
	now := time.Now()
	if err == nil {
		if o.failed != nil {
			o.failed = nil
			o.noteDrops("the file could not be written")
		}
		return
	}
	lost := lines - min(lines, written) + o.lines
	o.dropped += lost
	o.unnoted += lost
	o.pending, o.lines = o.pending[:0], 0
	o.makeRoom()
	first := o.failed == nil
	o.failed, o.retryAt = err, now.Add(retryFile)
	if first {
		o.add(now, note, fmt.Appendf(nil, "output file: %v; lines are dropped until it can be written again", err))
	}
}

// noteDrops tells in the file and in memory what is missing. Called with mu held.
func (o *Output) noteDrops(why string) {
	if o.unnoted == 0 {
		return
	}
	text := fmt.Appendf(nil, "dropped %d lines: %s", o.unnoted, why)
	o.unnoted = 0
	o.add(time.Now(), note, text)
}

// makeRoom lets waiting readers go on. Called with mu held.
func (o *Output) makeRoom() {
	o.stalled = false
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}
