package config

import (
	"strconv"
	"strings"
)

// Values are what the placeholders ${app}, ${instance} and ${port} stand for.
type Values struct {
	App      string
	Instance string
	// Port is 0 for an app without one; then ${port} becomes the empty string.
	Port int
}

// Expand replaces ${app}, ${instance} and ${port} in s, and $${ by a literal ${. It is for the
// strings of a loaded Config: their other placeholders were replaced or refused by Load.
func Expand(s string, v Values) string {
	return replacePlaceholders(s, func(name string) (string, bool) {
		switch name {
		case "app":
			return v.App, true
		case "instance":
			return v.Instance, true
		case "port":
			if v.Port == 0 {
				return "", true
			}
			return strconv.Itoa(v.Port), true
		default:
			return "", false
		}
	})
}

// ExpandRedirect replaces ${path} and ${query} in the target of a redirect, and $${ by a literal
// ${. The query is without its question mark.
func ExpandRedirect(to, path, query string) string {
	return replacePlaceholders(to, func(name string) (string, bool) {
		switch name {
		case "path":
			return path, true
		case "query":
			return query, true
		default:
			return "", false
		}
	})
}

// replacePlaceholders calls value for each ${name}; what it does not know stays.
func replacePlaceholders(s string, value func(name string) (string, bool)) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1])
			b.WriteString("${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			b.WriteString(s[i:])
			return b.String()
		}
		if text, ok := value(s[i+2 : i+end]); ok {
			b.WriteString(text)
		} else {
			b.WriteString(s[i : i+end+1])
		}
		s = s[i+end+1:]
	}
}
