package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// validator checks what the values mean together. It runs on the merged configuration, whatever
// problems the layers had, and tells nothing that only follows from those.
type validator struct {
	*collector
	cfg    *Config
	layers []*layer
	env    environment
	user   map[string]any // all layers but the defaults
	own    map[string]any // see lacks

	machine machine
}

func (v *validator) validate(root *shape, user map[string]any) {
	v.user = user
	v.required(root, user, "")
	v.management()
	v.listeners()
	v.certificates()
	v.apps()
	v.ports()
	v.routes()
}

// required finds keys that are missing or empty, in every section that is there.
func (v *validator) required(s *shape, tree map[string]any, at path) {
	if !s.needs {
		return
	}
	if s.kind == kindMap {
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			if sub, ok := tree[name].(map[string]any); ok {
				v.required(s.elem, sub, at.key(name))
			}
		}
		return
	}
	for _, f := range s.fields {
		if !f.shape.needs && !f.shape.rule.required {
			continue
		}
		value, there := tree[f.name]
		if !there && !f.shape.rule.required {
			continue
		}
		sub := at.key(f.name)
		if section, ok := value.(map[string]any); ok {
			v.required(f.shape, section, sub)
			continue
		}
		if !f.shape.rule.required || v.rejected[sub] || at == "" {
			continue
		}
		list, isList := value.([]any)
		switch {
		case !there:
			v.report(codeMissing, v.key(at), sub, fmt.Sprintf("%s has no %s", at, f.name), "add "+f.name+": "+f.shape.example(f.name))
		case value == "", isList && (len(list) == 0 || list[0] == ""):
			v.report(codeMissing, v.value(sub), sub, fmt.Sprintf("%s is empty", sub), "write "+f.name+": "+f.shape.example(f.name))
		}
	}
}

// example is how the value of a required key may look.
func (s *shape) example(key string) string {
	switch {
	case s.rule.program:
		return `[PROGRAM, ARGUMENT, "${port}"]`
	case s.rule.path:
		return "PATH"
	case len(s.rule.placeholders) > 0:
		return "/PATH"
	case key == "address":
		return `":8080"`
	case s.kind == kindList:
		return "[" + s.elem.example(key) + "]"
	case s.kind == kindMap:
		return "{NAME: VALUE}"
	default:
		return "VALUE"
	}
}

// entry is where a key stands in the strongest layer that has it. What a layer does not have in its tree
// has no spot there, unless it was rejected: most questions need no look at the spots.
func (v *validator) entry(at path) (entry, bool) {
	for _, layer := range slices.Backward(v.layers) {
		if len(v.rejected) == 0 && !has(layer.tree, at) {
			continue
		}
		if e, ok := layer.spots.of(at); ok {
			return e, true
		}
	}
	return entry{}, false
}

// key is the spot of a key, or of the section it would stand in.
func (v *validator) key(at path) spot {
	for {
		if e, ok := v.entry(at); ok && e.key.src != nil {
			return e.key
		}
		if at == "" {
			return spot{src: &source{origin: "default"}}
		}
		at = at.parent()
	}
}

// ownOf is what there is of an entry of a section, unless something was rejected: then nobody knows.
func (v *validator) ownOf(entries map[string]any, name string) map[string]any {
	if len(v.rejected) > 0 {
		return nil
	}
	return section(entries, name)
}

// lacks reports whether surely nobody wrote a key of the route that is being checked. It is a short way
// around written, which has to make a path first.
func (v *validator) lacks(key string) bool {
	_, there := v.own[key]
	return v.own != nil && !there
}

// value is the spot of a value, or of the section it would stand in.
func (v *validator) value(at path) spot {
	if e, ok := v.entry(at); ok {
		return e.value
	}
	return v.key(at.parent())
}

// written reports whether a layer other than the defaults has the key.
func (v *validator) written(at path) bool {
	_, ok := v.entry(at)
	return ok
}

// reference reports a name that is not among the known ones.
func reference[V any](v *validator, at path, word, name string, known map[string]V) bool {
	if _, ok := known[name]; ok {
		return true
	}
	if v.broken || v.rejected[path(word+"s").key(name)] {
		return false
	}
	names := slices.Sorted(maps.Keys(known))
	hint := fmt.Sprintf("there is no %s at all: define it under %ss", word, word)
	if better := closest(name, names); better != "" {
		hint = fmt.Sprintf("did you mean %q?", better)
	} else if len(names) > 0 {
		hint = fmt.Sprintf("known %ss: %s", word, strings.Join(names[:min(len(names), 10)], ", "))
	}
	v.report(codeReference, v.value(at), at, fmt.Sprintf("%s %q is not defined", word, name), hint)
	return false
}

// address checks host:port and returns its parts.
func (v *validator) address(at path, address string) (host string, port int, ok bool) {
	fail := func(hint string) (string, int, bool) {
		v.report(codeAddress, v.value(at), at, fmt.Sprintf("%s: %q is not host:port", last(at), address), hint)
		return "", 0, false
	}
	if _, err := strconv.Atoi(address); err == nil {
		return fail(fmt.Sprintf(`write ":%s"`, address))
	}
	if scheme, rest, found := strings.Cut(address, "://"); found {
		hint := fmt.Sprintf("write it without %s://", scheme)
		if !strings.Contains(rest, ":") {
			hint += " and with the port"
		}
		return fail(hint)
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		if strings.Count(address, ":") > 1 && !strings.HasPrefix(address, "[") {
			return fail(`an IPv6 address stands in brackets: "[::1]:8080"`)
		}
		return fail(fmt.Sprintf("add the port: %q", address+":8080"))
	}
	port, err = strconv.Atoi(text)
	switch {
	case err != nil || port < 0 || port > 65535:
		return fail("the port is a number from 1 to 65535")
	case host == "*":
		return fail(fmt.Sprintf(`":%s" listens on every address`, text))
	case strings.ContainsAny(host, "/ *"):
		return fail(`write the name or address of a network interface, or ":` + text + `" for all of them`)
	}
	return host, port, true
}

// isLoopback reports whether only this machine reaches host.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// isWildcard reports whether host means every address of the machine.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// overlap reports whether two hosts cannot listen on the same port.
func overlap(a, b string) bool {
	return isWildcard(a) || isWildcard(b) || strings.EqualFold(a, b) || isLoopback(a) && isLoopback(b) && (a == "localhost" || b == "localhost")
}

// headers checks the values of headers; their names were checked when they were read.
func (v *validator) headers(at path, headers map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if strings.ContainsFunc(headers[name], func(r rune) bool { return isControl(r) && r != '\t' }) {
			v.report(codeHeader, v.value(at.key(name)), at.key(name), fmt.Sprintf("the value of header %s has a line break or control character", name),
				"a header's value is one line")
		}
	}
}

// present warns of a file or folder that is not there, or that this account may not look at.
func (v *validator) present(at path, name string, folder bool) bool {
	if name == "" || strings.Contains(name, "${") || v.rejected[at] || !v.machine.here {
		return false
	}
	what := "file"
	if folder {
		what = "folder"
	}
	absent := func(message, hint string) bool {
		v.report(codeAbsent, v.value(at), at, keyOf(at)+": "+message, hint)
		return false
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() && folder {
		_, err = os.Stat(name + string(filepath.Separator) + ".") // whoever may not enter it is told so
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return absent(fmt.Sprintf("this account may not enter a folder on the way to the %s %s, or itself", what, name), "let Holdfast's account enter them")
	case err != nil:
		return absent(fmt.Sprintf("the %s %s is not there", what, name), "create it, or correct the path; relative paths start at the folder of this file")
	case info.IsDir() && !folder && keyOf(at) == "command":
		return absent(name+" is a folder, not a file", "name the program in it")
	case info.IsDir() && !folder:
		return absent(name+" is a folder, not a file", "name a file in it")
	case !info.IsDir() && folder:
		return absent(name+" is a file, not a folder", "name the folder that holds it")
	}
	return true
}

// find looks up the file of a program called name in PATH; no file when nobody can know here.
func (v *validator) find(name string) (file string, found bool) {
	folders, known := v.env[envName("PATH")]
	if !known || !v.machine.here {
		return "", true
	}
	unfit := ""
	for _, dir := range filepath.SplitList(folders) {
		if dir == "" {
			continue
		}
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, true
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && unfit == "" && info.Mode().IsRegular() {
			unfit = filepath.Join(dir, name)
		}
	}
	return unfit, unfit != ""
}
