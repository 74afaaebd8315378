package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// environment is the process's environment; on Windows the case of names does not matter.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := make(environment, len(environ))
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env[envName(name)] = value
		}
	}
	return env
}

func envName(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

// interpolate replaces ${env:NAME}, ${file:PATH} and ${install_dir} in the text of n. The placeholders that the
// rule leaves for later stay, and so does $${ where they do; elsewhere it becomes ${.
func (r *reader) interpolate(n *node, at path, rule rule) (string, bool) {
	text, good := n.Value, true
	if !strings.Contains(text, "${") {
		return text, true
	}
	later := len(rule.placeholders) > 0
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			break
		}
		if i > 0 && text[i-1] == '$' {
			if later {
				b.WriteString(text[:i+2])
			} else {
				b.WriteString(text[:i-1] + "${")
			}
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			r.report(codePlaceholder, r.within(n, text[i:]), at, "this placeholder has no closing }", "add the }, or write $${ for a literal ${")
			return "", false
		}
		placeholder, inner := text[i:i+end+1], text[i+2:i+end]
		text = text[i+end+1:]
		if slices.Contains(rule.placeholders, inner) {
			b.WriteString(placeholder)
			continue
		}
		value, p := r.resolve(inner, rule)
		if p != nil {
			if p.code != "" {
				r.report(p.code, r.within(n, placeholder), at, p.message, p.hint)
			}
			good = false
			continue
		}
		if later {
			// What a variable or file says is not looked at for placeholders again.
			value = strings.ReplaceAll(value, "${", "$${")
		}
		if inner != installDir {
			r.layer.written[at] = n.Value
			r.stand(at, standin{placeholder, value})
		}
		b.WriteString(value)
	}
	return b.String(), good
}

// refusal is a problem without its place.
type refusal struct{ code, message, hint string }

// onlyThere refuses what only the other machine knows: the value is left out, and nobody is told.
func onlyThere() *refusal { return &refusal{} }

// installDir is the placeholder of Options.InstallDir.
const installDir = "install_dir"

// resolve is the text that ${inner} stands for at load.
func (r *reader) resolve(inner string, rule rule) (string, *refusal) {
	kind, arg, _ := strings.Cut(inner, ":")
	switch kind {
	case "env":
		name, fallback, hasFallback := strings.Cut(arg, ":-")
		value, set := r.env[envName(name)]
		switch {
		case hasFallback && value == "":
			return fallback, nil
		case !set && !r.machine.here:
			return "", onlyThere()
		case !set:
			return "", &refusal{codeUnresolved, fmt.Sprintf("the environment variable %s is not set", name), "set it for Holdfast, or give a default: ${env:" + name + ":-DEFAULT}"}
		default:
			return value, nil
		}
	case "file":
		if !r.machine.here {
			return "", onlyThere()
		}
		return r.include(arg)
	case installDir:
		switch {
		case inner != installDir:
			return "", unknownPlaceholder(inner, rule)
		case r.install == "" && !r.machine.here:
			return "", onlyThere()
		case r.install == "":
			return "", &refusal{codeUnresolved, "the folder of the Holdfast executable is not known", "write the whole path"}
		}
		return r.install, nil
	case "secret", "release":
		hint := "remove it"
		if kind == "secret" {
			hint = "use ${file:PATH} or ${env:NAME}"
		}
		return "", &refusal{codeNotServed, fmt.Sprintf("${%s} is not served by this version", inner), hint}
	default:
		return "", unknownPlaceholder(inner, rule)
	}
}

// include is the content of a small file without its last line break.
func (r *reader) include(name string) (string, *refusal) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.layer.src.dir, name)
	}
	r.included = append(r.included, name)
	maps.Copy(r.prints, fingerprintsOf([]string{name}))
	data, err := ReadBounded(name, maxIncluded)
	var cause *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &refusal{codeUnresolved, fmt.Sprintf("the file %s does not exist", name), "create it, or correct the path; relative paths start at the folder of this file"}
	case errors.Is(err, errTooLarge):
		return "", &refusal{codeUnresolved, fmt.Sprintf("the file %s is larger than 1 MiB", name), "${file:} is for small values such as passwords"}
	case errors.As(err, &cause):
		return "", &refusal{codeUnresolved, fmt.Sprintf("the file %s cannot be read: %v", name, cause.Err), "it must be a file that Holdfast's account may read"}
	case err != nil:
		return "", &refusal{codeUnresolved, fmt.Sprintf("the file %s cannot be read: %v", name, err), ""}
	case !utf8.Valid(data):
		return "", &refusal{codeUnresolved, fmt.Sprintf("the file %s is not UTF-8 text", name), "save it as UTF-8"}
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(textOf(data)), "\n"), "\r"), nil
}

func unknownPlaceholder(inner string, rule rule) *refusal {
	p := &refusal{code: codePlaceholder, message: fmt.Sprintf("unknown placeholder ${%s}", inner)}
	switch {
	case slices.Contains([]string{"app", "instance", "port"}, inner):
		p.message = fmt.Sprintf("${%s} has no meaning here", inner)
		p.hint = "it stands for an instance's own value in command, env, and the paths of probes and of the http stop method"
	case inner == "path":
		p.message = fmt.Sprintf("${%s} has no meaning here", inner)
		p.hint = "it stands for the request's own path in redirect.to and try_files"
	case inner == "query":
		p.message = fmt.Sprintf("${%s} has no meaning here", inner)
		p.hint = "it stands for the request's own query in redirect.to"
	case inner != "" && strings.ToUpper(inner) == inner && !slices.Contains(rule.placeholders, strings.ToLower(inner)):
		p.hint = fmt.Sprintf("did you mean ${env:%s}? for a literal ${ write $${", inner)
	default:
		known := append(slices.Clone(rule.placeholders), installDir, "env:NAME", "file:PATH")
		p.hint = "known here: ${" + strings.Join(known, "}, ${") + "}; for a literal ${ write $${"
		if better := closest(inner, known[:len(known)-2]); better != "" {
			p.hint = fmt.Sprintf("did you mean ${%s}? for a literal ${ write $${", better)
		}
	}
	return p
}

// within is the spot of a piece of a scalar, if it stands in the scalar's first line as it is.
func (r *reader) within(n *node, piece string) spot {
	p := r.spot(n)
	if p.line == 0 {
		return p
	}
	rest := after(p.src.lines[p.line-1], p.column)
	if i := strings.Index(rest, piece); i >= 0 {
		p.column += utf8.RuneCountInString(rest[:i])
		p.width = utf8.RuneCountInString(piece)
	}
	return p
}

// absolute makes a path absolute. Programs without a separator are looked up in PATH by the
// operating system.
func (r *reader) absolute(text string, n *node, at path, rule rule) (any, bool) {
	if rule.program && !r.machine.hasFolder(text) || text == "" {
		return text, true
	}
	if strings.HasPrefix(text, "~") {
		hint := "write the whole path"
		if home, ok := r.env[envName("HOME")]; ok && strings.HasPrefix(text, "~/") {
			hint += ": " + home + text[1:]
		}
		r.report(codeValue, r.spot(n), at, keyOf(at)+": ~ is not expanded", hint)
		return nil, false
	}
	if !r.machine.isAbs(text) && r.layer.src.dir != "" {
		text = r.machine.join(r.layer.src.dir, text)
	}
	return r.machine.clean(text), true
}

// backslash warns of Windows paths in double quotes. Quoted quotes, doubled backslashes and line
// breaks at the end are what nobody writes by accident.
func (r *reader) backslash(n *node, at path, s *shape) {
	if n.Style&yaml.DoubleQuotedStyle == 0 || n.Line == 0 || n.Line > len(r.layer.src.lines) || last(at) == "body" {
		return
	}
	p := r.spot(n)
	quoted := []rune(after(p.src.lines[p.line-1], p.column))
	quoted = quoted[:min(p.width, len(quoted))]
	for i := 1; i+1 < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++
		if quoted[i] == '\\' || quoted[i] == '"' || quoted[i] == 'n' && i+2 == len(quoted) {
			continue
		}
		p.column, p.width = p.column+i-1, 2
		hint := "use single quotes, which take a backslash as it is"
		if !s.secret() {
			hint += ": '" + strings.TrimSuffix(string(quoted[1:]), `"`) + "'"
		}
		r.report(codeBackslash, p, at, fmt.Sprintf(`\%c in double quotes is an escape, not a backslash and a letter`, quoted[i]), hint)
		return
	}
}

// dirOf is the absolute folder of a file.
func dirOf(file string) string {
	if file == "" {
		file = "."
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		abs = file
	}
	if info, err := os.Stat(abs); err == nil && info.IsDir() {
		return abs
	}
	return filepath.Dir(abs)
}
