package migrate

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// regKey is one key of a registry export: its values by lower-case name ("" is the default value).
type regKey struct {
	path   string
	values map[string]regValue
	order  []string
}

// regValue is one value: text of the string kinds, the parts of a multi-string, or a number.
type regValue struct {
	name   string
	text   string
	list   []string
	number uint64
	kind   regKind
}

type regKind int

const (
	regString regKind = iota
	regExpand
	regMulti
	regNumber
	regBinary
)

// String is how a note shows it.
func (v regValue) String() string {
	switch v.kind {
	case regMulti:
		return strings.Join(v.list, "; ")
	case regNumber:
		return strconv.FormatUint(v.number, 10)
	case regBinary:
		return fmt.Sprintf("%d bytes", len(v.text))
	case regString, regExpand:
		return v.text
	default:
		return v.text
	}
}

// readReg reads an export of regedit or reg.exe, of version 5 (UTF-16 or UTF-8) or REGEDIT4. The order
// of keys is that of the file.
func readReg(data []byte) ([]*regKey, error) {
	p := regParser{rest: strings.ReplaceAll(textOf(data), "\r\n", "\n")}
	header := strings.TrimSpace(p.line())
	switch {
	case strings.HasPrefix(header, "Windows Registry Editor Version"):
	case header == "REGEDIT4":
		p.ansi = true
	default:
		return nil, errors.New(`it is no registry export: its first line is not "Windows Registry Editor Version 5.00"`)
	}
	for p.rest != "" {
		if err := p.entry(); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.at, err)
		}
		if p.count > maxNodes {
			return nil, errTooMany("values", maxNodes)
		}
	}
	return p.keys, nil
}

type regParser struct {
	rest  string
	at    int // the line that was read last
	ansi  bool
	keys  []*regKey
	key   *regKey
	count int
}

// line cuts the next line off.
func (p *regParser) line() string {
	line, rest, _ := strings.Cut(p.rest, "\n")
	p.rest = rest
	p.at++
	return line
}

// entry reads a key's heading or a value, which may go on over several lines.
func (p *regParser) entry() error {
	line := strings.TrimSpace(p.line())
	switch {
	case line == "" || line[0] == ';':
		return nil
	case line[0] == '[':
		name, ok := strings.CutSuffix(line[1:], "]")
		if !ok {
			return errors.New("a key's [ has no ]")
		}
		p.count++
		p.key = nil
		if !strings.HasPrefix(name, "-") { // one that would be deleted
			p.key = &regKey{path: name, values: map[string]regValue{}}
			p.keys = append(p.keys, p.key)
		}
		return nil
	case line[0] == '@' || line[0] == '"':
		name, rest := "", line[1:]
		if line[0] == '"' {
			var err error
			if name, rest, err = p.quoted(rest); err != nil {
				return err
			}
		}
		text, ok := strings.CutPrefix(strings.TrimSpace(rest), "=")
		if !ok {
			return errors.New("a value has no =")
		}
		v, err := p.value(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("value %q: %w", shown(name), err)
		}
		p.count++
		if p.key != nil && v != nil {
			v.name = name
			lower := strings.ToLower(name)
			if _, again := p.key.values[lower]; !again {
				p.key.order = append(p.key.order, lower)
			}
			p.key.values[lower] = *v
		}
		return nil
	default:
		return fmt.Errorf("%q is neither a key nor a value", shown(line))
	}
}

// quoted reads up to the closing quotation mark; texts may hold line ends.
func (p *regParser) quoted(s string) (text, rest string, err error) {
	var b strings.Builder
	for {
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				return b.String(), s[i+1:], nil
			default:
				b.WriteByte(s[i])
			}
		}
		if p.rest == "" || b.Len() > maxText {
			return "", "", errQuote
		}
		b.WriteByte('\n')
		s = p.line()
	}
}

// value reads what stands after the =; nil is a value that would be deleted.
func (p *regParser) value(s string) (*regValue, error) {
	kind, digits, _ := strings.Cut(s, ":")
	switch {
	case s == "-":
		return nil, nil //nolint:nilnil // it is no value
	case strings.HasPrefix(s, `"`):
		text, _, err := p.quoted(s[1:])
		return &regValue{text: text, kind: regString}, err
	case kind == "dword":
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 32)
		if err != nil {
			return nil, errors.New("it is no number of 32 bits")
		}
		return &regValue{number: n, kind: regNumber}, nil
	case strings.HasPrefix(kind, "hex"):
		data, err := p.bytes(digits)
		if err != nil {
			return nil, err
		}
		return p.typed(strings.Trim(kind[3:], "()"), data)
	default:
		return nil, errors.New("its type is not known")
	}
}

// bytes reads 61,00,\ and what follows on the next lines.
func (p *regParser) bytes(s string) ([]byte, error) {
	var b strings.Builder
	bare := strings.NewReplacer(",", "", " ", "")
	for {
		s = strings.TrimSpace(s)
		more, goes := strings.CutSuffix(s, `\`)
		b.WriteString(bare.Replace(more))
		if !goes || p.rest == "" {
			break
		}
		if b.Len() > 4*maxText {
			return nil, errors.New("it is longer than 128 KiB")
		}
		s = p.line()
	}
	data, err := hex.DecodeString(b.String())
	if err != nil {
		return nil, errors.New("it is not a list of bytes")
	}
	return data, nil
}

func (p *regParser) typed(kind string, data []byte) (*regValue, error) {
	text := func() string {
		if p.ansi {
			return decode(data)
		}
		return utf16LE(data)
	}
	switch kind {
	case "1":
		return &regValue{text: unmarked(text()), kind: regString}, nil
	case "2":
		return &regValue{text: unmarked(text()), kind: regExpand}, nil
	case "7":
		v := &regValue{kind: regMulti}
		for part := range strings.SplitSeq(strings.TrimRight(text(), "\x00"), "\x00") {
			if part != "" {
				v.list = append(v.list, unmarked(part))
			}
		}
		return v, nil
	case "4", "b":
		v := &regValue{kind: regNumber}
		for i := len(data) - 1; i >= 0 && len(data) <= 8; i-- {
			v.number = v.number<<8 | uint64(data[i])
		}
		return v, nil
	default:
		return &regValue{text: unmarked(string(data)), kind: regBinary}, nil
	}
}
