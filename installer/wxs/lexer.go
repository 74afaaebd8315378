package wxs

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is a piece of a file: one of start, end, directive and words is set.
type token struct {
	pos       Pos
	start     *Element // without children
	end       bool
	directive string // the name of a processing instruction
	words     string // its text, or text between elements; never only white space between elements
}

// lexer cuts one file into tokens. encoding/xml decides what is XML; what it lets pass and XML does
// not, and the places of attributes, are found in the bytes of each tag.
type lexer struct {
	file  string
	data  []byte
	lines []int                              // where each line begins
	last  struct{ line, offset, column int } // the place asked for before: a whole file may be one line
	space string
	xml   *xml.Decoder
	depth int
	done  bool // the root element is closed
}

func newLexer(file string, data []byte, space string) *lexer {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	l := &lexer{file: file, data: data, lines: []int{0}, space: space, xml: xml.NewDecoder(bytes.NewReader(data))}
	for i, c := range data {
		if c == '\n' {
			l.lines = append(l.lines, i+1)
		}
	}
	return l
}

// next is the next token; io.EOF after the last, *Error when the file is not XML.
func (l *lexer) next() (token, error) {
	for {
		from := l.offset()
		t, err := l.xml.Token()
		if errors.Is(err, io.EOF) {
			if !l.done {
				return token{}, l.fail(from, "the file has no element", "")
			}
			return token{}, io.EOF
		}
		if err != nil {
			return token{}, l.broken(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			return l.open(t, from)
		case xml.EndElement:
			l.depth--
			l.done = l.depth == 0
			return token{pos: l.pos(from), end: true}, nil
		case xml.ProcInst:
			if t.Target == "xml" {
				if from != 0 {
					return token{}, l.fail(from, "<?xml?> in the middle of the file", "it is the first thing in a file, or not there")
				}
				continue
			}
			return token{pos: l.pos(from), directive: t.Target, words: strings.TrimSpace(string(t.Inst))}, nil
		case xml.Directive:
			return token{}, l.fail(from, "document type declarations are not read", "remove <!DOCTYPE>")
		case xml.CharData:
			words := strings.TrimSpace(string(t))
			if words == "" {
				continue
			}
			from += bytes.IndexFunc(l.data[from:], func(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) })
			if l.depth == 0 {
				return token{}, l.fail(from, "text outside of the root element", "")
			}
			return token{pos: l.pos(from), words: words}, nil
		}
	}
}

// open is the token of a start tag, whose bytes begin at from.
func (l *lexer) open(t xml.StartElement, from int) (token, error) {
	if l.done {
		return token{}, l.fail(from, "a second root element", "")
	}
	if l.depth++; l.depth > maxDepth {
		return token{}, l.fail(from, fmt.Sprintf("elements more than %d deep", maxDepth), "")
	}
	if t.Name.Space != l.space {
		return token{}, l.fail(from, fmt.Sprintf("<%s> is in the namespace %q", t.Name.Local, t.Name.Space),
			fmt.Sprintf("write xmlns=%q at the root and no other namespace; extensions of WiX are not supported", l.space))
	}
	if !bytes.HasPrefix(l.data[from+1:], []byte(t.Name.Local)) {
		return token{}, l.fail(from, fmt.Sprintf("<%s> has a prefix", t.Name.Local), fmt.Sprintf("write xmlns=%q at the root and no prefixes", l.space))
	}
	e := &Element{Name: t.Name.Local, Pos: l.pos(from)}
	if err := l.attributes(e, from+1+len(t.Name.Local)); err != nil {
		return token{}, err
	}
	return token{pos: e.Pos, start: e}, nil
}

// attributes reads the attributes of a tag that encoding/xml has read already, from behind its name.
func (l *lexer) attributes(e *Element, at int) error {
	const blank = " \t\r\n"
	skip := func(chars string) {
		for strings.IndexByte(chars, l.data[at]) >= 0 {
			at++
		}
	}
	for {
		begin := at
		skip(blank)
		if c := l.data[at]; c == '>' || c == '/' {
			return nil
		}
		if at == begin {
			return l.fail(at, "no space before the attribute", "")
		}
		begin = at
		for strings.IndexByte(blank+"=", l.data[at]) < 0 {
			at++
		}
		name := string(l.data[begin:at])
		skip(blank + "=")
		quote := l.data[at]
		at++
		end := at + bytes.IndexByte(l.data[at:], quote)
		value := unescape(string(l.data[at:end]))
		at = end + 1
		switch {
		case name == "xmlns":
			continue
		case strings.Contains(name, ":"):
			return l.fail(begin, fmt.Sprintf("attribute %s has a namespace", name), "extensions of WiX are not supported; remove it")
		case len(e.Attrs) == maxAttributes:
			return l.fail(begin, fmt.Sprintf("more than %d attributes", maxAttributes), "")
		case e.Has(name):
			return l.fail(begin, fmt.Sprintf("attribute %s is there twice", name), "remove one")
		}
		e.Attrs = append(e.Attrs, Attr{Name: name, Value: value, Pos: l.pos(begin)})
	}
}

// unescape is the value of an attribute as XML defines it: white space is a space, a reference is
// its character. The references are known to be good.
func unescape(s string) string {
	s = strings.NewReplacer("\r\n", " ", "\t", " ", "\r", " ", "\n", " ").Replace(s)
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, ";")
		switch name {
		case "lt":
			b.WriteByte('<')
		case "gt":
			b.WriteByte('>')
		case "amp":
			b.WriteByte('&')
		case "apos":
			b.WriteByte('\'')
		case "quot":
			b.WriteByte('"')
		default:
			digits, base := strings.TrimPrefix(name, "#"), 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			n, err := strconv.ParseInt(digits, base, 32)
			if err != nil {
				n = utf8.RuneError
			}
			b.WriteRune(rune(n))
		}
		s = after
	}
}

func (l *lexer) offset() int { return int(l.xml.InputOffset()) }

// pos is the place of a byte.
func (l *lexer) pos(offset int) Pos {
	line, found := slices.BinarySearch(l.lines, offset)
	if !found {
		line--
	}
	offset = min(offset, len(l.data))
	if l.last.line != line || l.last.offset > offset {
		l.last.line, l.last.offset, l.last.column = line, l.lines[line], 0
	}
	l.last.column += utf8.RuneCount(l.data[l.last.offset:offset])
	l.last.offset = offset
	return Pos{l.file, line + 1, l.last.column + 1}
}

func (l *lexer) fail(at int, text, cure string) error { return &Error{l.pos(at), text, cure} }

// broken is what encoding/xml says about a file that is not XML.
func (l *lexer) broken(err error) error {
	text := err.Error()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		text = syntax.Msg
	}
	return l.fail(l.offset(), "not XML: "+strings.TrimPrefix(text, "xml: "), "")
}
