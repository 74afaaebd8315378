package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxFile     = 4 << 20 // bytes of one configuration file
	maxIncluded = 1 << 20 // bytes of a ${file:}
	maxConfD    = 1000    // files in conf.d
	maxNodes    = 200_000 // values in one file, aliases counted each time
	maxDepth    = 32      // levels of nesting; the format itself has 6
	maxProblems = 200     // problems told of one source
	maxShown    = 140     // characters of a line in a snippet
	maxMessage  = 600     // bytes of a message or hint
)

// source is where values stand: a file, an environment variable or a --set.
type source struct {
	name   string // of a file, as problems show it
	origin string // of everything else
	dir    string // relative paths start here
	order  int    // among all sources
	lines  []string

	mu    sync.Mutex     // two goroutines may read the same file
	stars map[int][]span // what snippets must not show, by line
}

// span is a piece of a line, in characters from 1; width 0 is the rest of the line.
type span struct{ column, width int }

// spot is a piece of a source; line 0 is the source as a whole.
type spot struct {
	src                 *source
	line, column, width int
}

// label names a spot for explain: file:line, or the origin.
func (p spot) label() string {
	switch {
	case p.src.name == "":
		return p.src.origin
	case p.line == 0:
		return p.src.name
	default:
		return fmt.Sprintf("%s:%d", p.src.name, p.line)
	}
}

// ReadBounded reads a regular file of at most limit bytes.
func ReadBounded(name string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe waits until somebody writes to it: for ever, and with
	// it every later reload. Files are read as ever, and Windows does not know the flag.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // reading the files that the administrator names is the point
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is not a regular file")}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

var errTooLarge = errors.New("the file is too large")

// textOf turns the bytes of a file into UTF-8 without a byte order mark. Windows editors write
// UTF-16 as "Unicode"; its mark tells.
func textOf(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for rest := data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units)))
}

// splitLines splits at line feeds and drops the carriage returns before them.
func splitLines(text []byte) []string {
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// badCharacter finds the first byte that is not UTF-8 and the first control character.
func badCharacter(lines []string) (line, column int, message string) {
	for i, text := range lines {
		column := 0
		for at, r := range text {
			column++
			switch {
			case r == utf8.RuneError && !utf8.ValidString(text[at:at+1]) && !strings.HasPrefix(text[at:], "\uFFFD"):
				return i + 1, column, "the text is not UTF-8"
			case r < ' ' && r != '\t', r == 0x7F:
				return i + 1, column, fmt.Sprintf("the control character U+%04X is not allowed", r)
			}
		}
	}
	return 0, 0, ""
}

// star keeps a value out of every snippet.
func (s *source) star(line int, at span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stars == nil {
		s.stars = map[int][]span{}
	}
	s.stars[line] = append(s.stars[line], at)
}

// shown is line number n (from 1) with its secrets starred out, column for column.
func (s *source) shown(n int) string {
	text := s.lines[n-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	spans := s.stars[n]
	if len(spans) == 0 {
		return text
	}
	runes := []rune(text)
	for _, at := range spans {
		end := at.column - 1 + at.width
		if at.width == 0 || end > len(runes) {
			end = len(runes)
		}
		for i := at.column - 1; i < end; i++ {
			runes[i] = '*'
		}
	}
	return string(runes)
}

// snippet is the line of a spot and the one before it. It clamps the spot to the text.
func (p *spot) snippet() *Snippet {
	lines := p.src.lines
	if p.line == 0 || len(lines) == 0 {
		return nil
	}
	p.line = min(p.line, len(lines))
	length := utf8.RuneCountInString(lines[p.line-1])
	p.column = max(1, min(p.column, length+1))
	p.width = max(1, min(p.width, length+1-p.column))
	s := &Snippet{FirstLine: p.line, Width: p.width}
	if p.column+p.width > maxShown {
		s.Offset = max(0, p.column-1-maxShown/2)
		s.Width = min(s.Width, maxShown/2)
	}
	if p.line > 1 && strings.TrimSpace(lines[p.line-2]) != "" {
		s.FirstLine--
		s.Lines = append(s.Lines, clip(p.src.shown(p.line-1), s.Offset))
	}
	s.Lines = append(s.Lines, clip(p.src.shown(p.line), s.Offset))
	return s
}

// clip is the piece of a line that is shown, without what would move a terminal's cursor.
func clip(line string, offset int) string {
	var b strings.Builder
	n := 0
	for _, r := range line {
		if n == offset+maxShown {
			break
		}
		if isControl(r) && r != '\t' {
			r = utf8.RuneError
		}
		if n >= offset {
			b.WriteRune(r)
		}
		n++
	}
	return b.String()
}

// brief bounds a message that may quote something long.
func brief(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "..."
}

// starSuspects hides what looks like a password in a text that could not be read as YAML, where
// nothing tells a variable from any other key.
func starSuspects(s *source) {
	suspect := regexp.MustCompile(`(?i)(?:pass|secret|token|credential|api_?key|private)[^:=]*[:=]\s*(\S.*)`)
	for i, line := range s.lines {
		if m := suspect.FindStringSubmatchIndex(line); m != nil {
			s.star(i+1, span{utf8.RuneCountInString(line[:m[2]]) + 1, 0})
		}
	}
}
