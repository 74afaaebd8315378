package telemetry

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lossy keeps a log going while its file cannot be written, because the disk is full for example:
// lines are dropped and counted, and a line in the file tells how many once it can be written again.
// It returns no errors. Zap's buffer would answer every later line with the first one, so that the
// log would be dead until the next start, and without a buffer zap would write each of them to
// stderr.
type lossy struct {
	file    io.Writer
	service string
	dropped prometheus.Counter
	// failed hears of the first error of several in a row.
	failed func(error)

	mu      sync.Mutex
	unnoted uint64 // dropped lines that no line in the file tells of yet
	torn    bool   // the last write ended within a line
}

// Write implements io.Writer for whole lines.
func (l *lossy) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.catchUp(); err != nil {
		l.drop(p, err)
		return len(p), nil
	}
	if n, err := l.put(p); err != nil {
		l.drop(p[n:], err)
	}
	return len(p), nil
}

// catchUp ends a torn line and tells what was dropped.
func (l *lossy) catchUp() error {
	if l.torn {
		if _, err := l.put([]byte{'\n'}); err != nil {
			return err
		}
	}
	if l.unnoted == 0 {
		return nil
	}
	note, err := json.Marshal(struct {
		Level     string    `json:"level"`
		Timestamp time.Time `json:"timestamp"`
		Message   string    `json:"message"`
		Service   string    `json:"service"`
		Dropped   uint64    `json:"dropped"`
	}{"warn", time.Now(), "lines are missing here: the log file could not be written", l.service, l.unnoted})
	if err != nil {
		return err
	}
	if _, err := l.put(append(note, '\n')); err != nil {
		return err
	}
	l.unnoted = 0
	return nil
}

func (l *lossy) put(p []byte) (int, error) {
	n, err := l.file.Write(p)
	if n > 0 {
		l.torn = !bytes.HasSuffix(p[:n], []byte{'\n'})
	}
	return n, err
}

func (l *lossy) drop(p []byte, err error) {
	if l.unnoted == 0 {
		l.failed(err)
	}
	lines := bytes.Count(p, []byte{'\n'})
	l.dropped.Add(float64(lines))
	l.unnoted += uint64(lines) //nolint:gosec // a count
}
