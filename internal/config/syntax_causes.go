package config

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// near calls find for the reported line, then for the lines around it: the reader counts
// differently for each kind of error.
func (e *syntaxError) near(lines []string, find func(line string) (at, width int)) bool {
	for _, d := range []int{0, 1, -1, 2, -2, -3} {
		i := e.line - 1 + d
		if i < 0 || i >= len(lines) {
			continue
		}
		if at, width := find(lines[i]); at >= 0 {
			e.line, e.column, e.width = i+1, utf8.RuneCountInString(lines[i][:at])+1, width
			return true
		}
	}
	return false
}

func tabIndent(e *syntaxError, _ string, lines []string) bool {
	found := e.near(lines, func(line string) (int, int) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		return strings.IndexByte(indent, '\t'), 1
	})
	if found {
		e.message, e.hint = "a tab cannot indent YAML", "indent with spaces"
	}
	return found
}

func windowsPath(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "escape") && !strings.Contains(text, "hexdecimal") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		quoted := false
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '"':
				quoted = !quoted
			case line[i] == '\\' && quoted && !goodEscape(line[i+1:]):
				return i, 2
			case line[i] == '\\' && quoted:
				i++
			}
		}
		return -1, 0
	})
	if found {
		e.message = "a backslash in double quotes begins an escape, and this is none"
		e.hint = `use single quotes: 'C:\apps\shop'`
	}
	return found
}

// goodEscape reports whether what follows a backslash is an escape of YAML.
func goodEscape(rest string) bool {
	if rest == "" {
		return true
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[0]]
	if digits == 0 {
		return strings.IndexByte("0abt\tnvfre \"'/\\N_LP", rest[0]) >= 0
	}
	if len(rest) <= digits {
		return false
	}
	_, err := strconv.ParseUint(rest[1:1+digits], 16, 32)
	return err == nil
}

func unknownAnchor(e *syntaxError, text string, lines []string) bool {
	name, ok := strings.CutPrefix(text, "unknown anchor '")
	if !ok {
		return false
	}
	name = strings.TrimSuffix(name, "' referenced")
	for i, line := range lines {
		if at := strings.Index(line, "*"+name); at >= 0 {
			e.line, e.column, e.width = i+1, utf8.RuneCountInString(line[:at])+1, utf8.RuneCountInString(name)+1
			break
		}
	}
	e.message = "*" + name + " is an alias of an anchor that does not exist"
	e.hint = `a text that begins with * needs quotes: "*` + name + `"`
	return true
}

// starStart finds *.example.com and * where an alias would stand.
func starStart(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "alphabetic or numeric character") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		m := regexp.MustCompile(`(?:^|[:,\[{-])\s*([*&][^\s,\]}]*)`).FindStringSubmatchIndex(line)
		if m == nil {
			return -1, 0
		}
		return m[2], utf8.RuneCountInString(line[m[2]:m[3]])
	})
	if found {
		value := string([]rune(after(lines[e.line-1], e.column))[:e.width])
		e.message, e.hint = "a value that begins with "+value[:1]+" needs quotes", `write "`+value+`"`
	}
	return found
}

// colonStart finds :80 in a list or section in brackets, where a text cannot begin with a colon.
func colonStart(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "node content") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		m := regexp.MustCompile(`[,\[{:]\s*(:[^\s,\]}]+)`).FindStringSubmatchIndex(line)
		if m == nil {
			return -1, 0
		}
		return m[2], utf8.RuneCountInString(line[m[2]:m[3]])
	})
	if found {
		e.message, e.hint = "a value that begins with a colon needs quotes", `write "`+string([]rune(after(lines[e.line-1], e.column))[:e.width])+`"`
	}
	return found
}

func valueInValue(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "mapping values are not allowed") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		first := strings.Index(line, ": ")
		if first < 0 || strings.HasPrefix(strings.TrimSpace(line), "#") {
			return -1, 0
		}
		rest := line[first+2:]
		if second := strings.Index(rest, ": "); second >= 0 {
			return first + 2 + second, 1
		}
		if strings.HasSuffix(rest, ":") {
			return len(line) - 1, 1
		}
		return -1, 0
	})
	if found {
		e.message, e.hint = "a second colon in one line", "put the value into quotes, or begin a new line for the second key"
		return true
	}
	e.message = "a key is not allowed here"
	e.hint = "it is indented further than the keys before it, or the line before it lacks its colon"
	return false
}

func reservedStart(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "cannot start any token") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		value := regexp.MustCompile("(?:^|[:,\\[{-])\\s*([@`%])").FindStringSubmatchIndex(line)
		if value == nil {
			return -1, 0
		}
		return value[2], 1
	})
	if found {
		e.message, e.hint = "a value cannot begin with this character", "put the value into quotes"
	}
	return found
}

func openQuote(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "unexpected end of stream") && !strings.Contains(text, "unexpected document indicator") {
		return false
	}
	for i := e.line - 1; i >= 0; i-- {
		if m := regexp.MustCompile(`[:,\[{-]\s*(["'])`).FindStringSubmatchIndex(lines[i]); m != nil {
			quote := lines[i][m[2]:m[3]]
			if strings.Count(lines[i][m[2]:], quote)%2 == 1 {
				e.line, e.column = i+1, utf8.RuneCountInString(lines[i][:m[2]])+1
				e.message, e.hint = "this quote is never closed", "add the closing quote"
				return true
			}
		}
	}
	return false
}

// placeholderInBrackets finds ${install_dir} without quotes in a list or section in brackets, where {
// begins a section of its own.
func placeholderInBrackets(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "',' or ']'") && !strings.Contains(text, "',' or '}'") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		m := regexp.MustCompile(`[,\[{:]\s*([^\s"',\[\]{}]*\$\{[^{}]*\}[^\s,\]}]*)`).FindStringSubmatchIndex(line)
		if m == nil || !strings.ContainsAny(line[:m[2]], "[{") { // outside brackets it is a text
			return -1, 0
		}
		return m[2], utf8.RuneCountInString(line[m[2]:m[3]])
	})
	if found {
		value := string([]rune(after(lines[e.line-1], e.column))[:e.width])
		e.message, e.hint = "a value with ${…} in brackets needs quotes", "write '"+value+"'"
	}
	return found
}

func openBracket(e *syntaxError, text string, lines []string) bool {
	atEnd := strings.Contains(text, "node content")
	return (atEnd || strings.Contains(text, "',' or ']'")) && unclosed(e, lines, "[", "]") ||
		(atEnd || strings.Contains(text, "',' or '}'")) && unclosed(e, lines, "{", "}")
}

// unclosed finds the last line up to the error that opens more brackets than it closes.
func unclosed(e *syntaxError, lines []string, open, closing string) bool {
	for i := e.line - 1; i >= 0; i-- {
		at := strings.LastIndex(lines[i], open)
		if at < 0 || strings.Count(lines[i], open) <= strings.Count(lines[i], closing) {
			continue
		}
		e.line, e.column, e.width = i+1, utf8.RuneCountInString(lines[i][:at])+1, 1
		e.message = "the " + open + " that begins here is not closed, or a comma is missing between its entries"
		e.hint = "separate the entries by commas, quote an entry that holds one of []{},: and close with " + closing
		return true
	}
	return false
}

func noSpaceAfterColon(e *syntaxError, text string, lines []string) bool {
	if !strings.Contains(text, "could not find expected ':'") {
		return false
	}
	found := e.near(lines, func(line string) (int, int) {
		body := strings.TrimSpace(line)
		if body == "" || strings.HasPrefix(body, "#") || strings.HasPrefix(body, "- ") || strings.Contains(line, ": ") || strings.HasSuffix(body, ":") {
			return -1, 0
		}
		at := strings.Index(line, body)
		return at, utf8.RuneCountInString(body)
	})
	if !found {
		return false
	}
	e.message, e.hint = "this line has no key", "write KEY: VALUE, with a space after the colon"
	return true
}
