package migrate

import (
	"path"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

// member is the name behind a dot.
func member(y js.IExpr) (string, bool) {
	switch y := y.(type) {
	case *js.LiteralExpr:
		return string(y.Data), true
	case js.LiteralExpr:
		return string(y.Data), true
	case *js.Var:
		return string(y.Name()), true
	default:
		return "", false
	}
}

func (s *script) property(e, of js.IExpr, name string, depth int) any {
	if source(of) == "process.env" {
		if name != "" && !strings.ContainsAny(name, "{}:\x00\x01") {
			return fromEnv(name)
		}
		return opaque(e)
	}
	if m, ok := s.eval(of, depth+1).(map[string]any); ok {
		if v, ok := m[name]; ok {
			s.nodes += weight(v, 0)
			return v
		}
		return nil
	}
	return opaque(e)
}

// call knows path.join, path.resolve, parseInt, Number and String of literals.
func (s *script) call(e *js.CallExpr, depth int) any {
	var args []any
	for _, a := range e.Args.List {
		if a.Rest {
			return opaque(e)
		}
		args = append(args, s.eval(a.Value, depth+1))
	}
	name := source(e.X)
	if strings.HasPrefix(name, "require(") {
		name = "path" + name[strings.LastIndexByte(name, ')')+1:]
	}
	switch name {
	case "path.join", "path.resolve", "join", "resolve":
		var parts []string
		for _, a := range args {
			text, ok := a.(string)
			if !ok {
				return opaque(e)
			}
			parts = append(parts, text)
		}
		return joined(parts, strings.HasSuffix(name, "resolve"), s.folder)
	case "parseInt", "Number", "parseFloat", "String":
		if len(args) == 0 {
			return opaque(e)
		}
		text, ok := asText(args[0])
		if !ok || !plain(text) {
			return args[0]
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && name != "String" {
			return f
		}
		return text
	}
	return opaque(e)
}

// joined puts a path together; a whole path begins anew when resolve is true.
func joined(parts []string, resolve bool, folder string) string {
	all := ""
	if resolve {
		all = folder
	}
	for _, part := range parts {
		switch {
		case all == "" || resolve && (path.IsAbs(part) || winAbs(part)):
			all = part
		case winAbs(all) && strings.Contains(all, `\`):
			all = winJoin(all, strings.ReplaceAll(part, "/", `\`))
		default:
			all = path.Join(all, part)
		}
	}
	return all
}

// unquote takes the escapes of a string apart.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b', 'f', 'v', '0':
		case '\n':
		case 'x', 'u':
			digits, used := escapeDigits(s[i:])
			if n, err := strconv.ParseUint(digits, 16, 32); err == nil && n >= ' ' {
				b.WriteRune(rune(n)) //nolint:gosec // 32 bits; WriteRune takes what is no character
			}
			i += used
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escapeDigits are the digits of xHH, uHHHH and u{H...}, and how many bytes follow the letter.
func escapeDigits(s string) (digits string, used int) {
	if strings.HasPrefix(s, "u{") {
		if end := strings.IndexByte(s, '}'); end > 0 {
			return s[2:end], end
		}
	}
	n := 2
	if s[0] == 'u' {
		n = 4
	}
	n = min(n, len(s)-1)
	return s[1 : 1+n], n
}
