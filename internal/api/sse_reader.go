package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxMessage bounds one event of a stream, and each of its lines.
const maxMessage = 4 << 20

// message is one server-sent event.
type message struct {
	id   string // the newest id so far, as the standard has it
	name string
	data []byte
}

// readEvents parses server-sent events (html.spec.whatwg.org/multipage/server-sent-events.html).
// A stream that ends, even in the middle of an event, ends the loop without an error; other errors
// of r are delivered last.
func readEvents(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 16<<10), maxMessage)
		lines.Split(scanEventLines)
		var m message
		var id string
		first := true
		for lines.Scan() {
			line := lines.Bytes()
			if first {
				line = bytes.TrimPrefix(line, []byte("\uFEFF"))
				first = false
			}
			if len(line) == 0 {
				m.id = id
				if m.data != nil && !yield(m.finished(), nil) {
					return
				}
				m = message{}
				continue
			}
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "event":
				m.name = string(value)
			case "id":
				// The standard ignores an id with NUL in it.
				if !bytes.ContainsRune(value, 0) {
					id = string(value)
				}
			case "data":
				if len(m.data)+len(value) > maxMessage {
					yield(message{}, fmt.Errorf("stream: an event is larger than %d bytes", maxMessage))
					return
				}
				m.data = append(append(m.data, value...), '\n')
			}
		}
		switch err := lines.Err(); {
		case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		case errors.Is(err, bufio.ErrTooLong):
			yield(message{}, fmt.Errorf("stream: a line is larger than %d bytes", maxMessage))
		default:
			yield(message{}, fmt.Errorf("stream: %w", err))
		}
	}
}

// finished fills in the default name and cuts the last line's end off.
func (m message) finished() message {
	if m.name == "" {
		m.name = "message"
	}
	m.data = m.data[:len(m.data)-1]
	return m
}

// scanEventLines splits at CR, LF and CRLF, and does not take an unfinished line for a whole one.
func scanEventLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF:
		return len(data), nil, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n' || i+1 < len(data) && data[i+1] != '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data):
		return i + 2, data[:i], nil
	case atEOF:
		return i + 1, data[:i], nil
	default:
		return 0, nil, nil // a CR at the end may be half of a CRLF
	}
}
