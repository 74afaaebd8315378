package migrate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Texts of a file may hold anything, "${" too, which means something to Holdfast. Placeholders of ours
// therefore stand between two control characters until final writes them out.
const (
	markOpen  = "\x00"
	markClose = "\x01"
)

// placeholder is a ${...} of Holdfast's configuration.
func placeholder(inner string) string { return markOpen + inner + markClose }

// fromEnv is the value of a variable of the machine that Holdfast runs on.
func fromEnv(name string) string { return placeholder("env:" + name) }

// fromEnvOr is fromEnv with what counts when it is not set.
func fromEnvOr(name, fallback string) string { return placeholder("env:" + name + ":-" + fallback) }

// unmarked is a text of a file without what would be our marks.
func unmarked(s string) string {
	return strings.NewReplacer(markOpen, "", markClose, "").Replace(s)
}

// final is a text as the configuration has it: what was literal stays so, also when it only becomes a
// placeholder once a mark in its middle is gone.
func final(s string) string {
	if !strings.ContainsAny(s, "$\x00\x01") {
		return s
	}
	var b, literal strings.Builder
	flush := func() {
		b.WriteString(strings.ReplaceAll(unmarked(literal.String()), "${", "$${"))
		literal.Reset()
	}
	for {
		before, rest, ok := strings.Cut(s, markOpen)
		literal.WriteString(before)
		if !ok {
			flush()
			return b.String()
		}
		inner, after, ok := strings.Cut(rest, markClose)
		if ok && goodInner(inner) {
			flush()
			b.WriteString("${" + inner + "}")
			s = after
		} else {
			s = rest
		}
	}
}

// goodInner is false for what a hostile file put between our marks.
func goodInner(inner string) bool {
	name, env := strings.CutPrefix(inner, "env:")
	if !env {
		return inner == "port" || inner == "app" || inner == "instance"
	}
	return name != "" && !strings.HasPrefix(name, ":-") && !strings.ContainsAny(name, "{}\x00")
}

// plain reports whether s holds none of our placeholders.
func plain(s string) bool { return !strings.Contains(s, markOpen) }

// expandPercent replaces %NAME% as Windows does: what is not known here is a variable of the machine,
// and a single % is itself.
func expandPercent(s string, known func(name string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "%")
		switch {
		case ok && name == "":
			b.WriteByte('%')
			s = after
		case ok && goodVariable(name):
			if value, ok := known(name); ok {
				b.WriteString(value)
			} else {
				b.WriteString(fromEnv(name))
			}
			s = after
		default:
			b.WriteByte('%')
			s = rest
		}
		if b.Len() > maxText {
			return b.String()[:maxText]
		}
	}
}

// goodVariable keeps "100% of 50%" from being a variable.
func goodVariable(name string) bool {
	if len(name) > 128 || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '(' && c != ')' && c != '.'
	})
}

// nobody knows a variable.
func nobody(string) (string, bool) { return "", false }

// textOf is the text of a file, without what would be our marks.
func textOf(data []byte) string { return unmarked(decode(data)) }

// decode makes UTF-8 of a file: UTF-16 with its mark, UTF-8 with or without one, else Latin-1.
func decode(data []byte) string {
	switch {
	case len(data) >= 2 && data[0] == 0xFF && data[1] == 0xFE:
		return utf16LE(data[2:])
	case len(data) >= 2 && data[0] == 0xFE && data[1] == 0xFF:
		swapped := make([]byte, len(data)-2)
		for i := 0; i+1 < len(swapped); i += 2 {
			swapped[i], swapped[i+1] = data[i+3], data[i+2]
		}
		return utf16LE(swapped)
	}
	s := strings.TrimPrefix(string(data), "\ufeff")
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

func utf16LE(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// argv splits the arguments of a Windows command line by the rules that programs there use
// (learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments).
func argv(line string) []string {
	var (
		args   []string
		b      strings.Builder
		quoted bool
		some   bool
	)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			n := 0
			for i < len(line) && line[i] == '\\' {
				n++
				i++
			}
			if i == len(line) || line[i] != '"' {
				b.WriteString(strings.Repeat(`\`, n))
				i--
			} else {
				b.WriteString(strings.Repeat(`\`, n/2))
				if n%2 == 1 {
					b.WriteByte('"')
				} else {
					i--
				}
			}
			some = true
		case c == '"':
			some = true
			if quoted && i+1 < len(line) && line[i+1] == '"' {
				b.WriteByte('"')
				i++
			} else {
				quoted = !quoted
			}
		case (c == ' ' || c == '\t' || c == '\r' || c == '\n') && !quoted:
			if some {
				args = append(args, b.String())
				b.Reset()
				some = false
			}
		default:
			b.WriteByte(c)
			some = true
		}
	}
	if some {
		args = append(args, b.String())
	}
	return args
}

var errQuote = errors.New("a quotation mark is not closed")

// words splits as a POSIX shell does, without any expansion (Python's shlex.split).
func words(line string) ([]string, error) {
	var (
		args []string
		b    strings.Builder
		some bool
		in   byte // the open quotation mark
	)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case in == '\'' && c == '\'', in == '"' && c == '"':
			in = 0
		case in == '\'':
			b.WriteByte(c)
		case c == '\\':
			if i+1 == len(line) {
				return nil, errors.New("a backslash stands at the end")
			}
			i++
			if in == '"' && line[i] != '"' && line[i] != '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(line[i])
			some = true
		case in == '"':
			b.WriteByte(c)
		case c == '\'' || c == '"':
			in, some = c, true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if some {
				args = append(args, b.String())
				b.Reset()
				some = false
			}
		default:
			b.WriteByte(c)
			some = true
		}
	}
	if in != 0 {
		return nil, errQuote
	}
	if some {
		args = append(args, b.String())
	}
	return args, nil
}

// seconds is a number of units as a span, 0 when it is not one or below zero.
func seconds(text string, unit time.Duration) time.Duration {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v > 0) || v > 1e9 || v*float64(unit) > float64(365*24*time.Hour) {
		return 0
	}
	return time.Duration(v * float64(unit)).Round(time.Millisecond)
}

// size reads 100, 50MB, 1G, 300K, with units of 1024.
func size(text string) (int64, error) {
	s := strings.ToUpper(strings.TrimSpace(text))
	s = strings.TrimSuffix(strings.TrimSuffix(s, "B"), "I")
	unit := int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0) || v*float64(unit) > 1<<50 {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return int64(v * float64(unit)), nil
}

// truth reads what people write for yes and no.
func truth(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true", "yes", "on":
		return true
	default:
		return false
	}
}

// winDir is the folder of a Windows path, empty for a bare name.
func winDir(name string) string {
	i := strings.LastIndexAny(name, `\/`)
	if i < 0 {
		return ""
	}
	return name[:i]
}

// winAbs reports whether a Windows path begins with a drive, a share or a placeholder.
func winAbs(name string) bool {
	return len(name) > 2 && name[1] == ':' && (name[2] == '\\' || name[2] == '/') || strings.HasPrefix(name, `\\`) || strings.HasPrefix(name, markOpen)
}

// winJoin is name below folder unless it is a whole path. The folder may be one of Linux, on which a
// file of Windows is looked at.
func winJoin(folder, name string) string {
	if folder == "" || winAbs(name) || strings.HasPrefix(folder, "/") && strings.HasPrefix(name, "/") {
		return name
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, `.\`), "./")
	if name == "" || name == "." {
		return folder
	}
	return strings.TrimRight(folder, `\/`) + `\` + name
}
