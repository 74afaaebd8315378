package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// policyReader turns what Group Policy has written into assignments. Whatever it does not understand
// is an error: a policy that is not in force must not look as if it were.
type policyReader struct {
	*loader
	settings []PolicySetting
	all      []policyAssignment
}

// policyAssignment is an assignment and the setting that it comes from.
type policyAssignment struct {
	assignment
	setting *PolicySetting
}

// readPolicy makes the strongest layer. It is put over what is in force without it, defaults included,
// and a setting for an app, route, ... that the machine does not have changes nothing: the same policy
// is for many machines.
func (l *loader) readPolicy() {
	if l.keys.policy == "" || l.opts.withoutPolicy {
		return
	}
	p := &policyReader{loader: l, settings: policyTable()}
	for _, key := range slices.Sorted(maps.Keys(l.content.failed)) {
		if below, ok := strings.CutPrefix(key, l.keys.policy); ok {
			p.tell(codeUnreadable, strings.TrimPrefix(below, `\`), fmt.Sprintf("the registry key cannot be read: %v", l.content.failed[key]), "let Holdfast's account read it")
		}
	}
	if l.content.many {
		p.tell(codeTooLarge, "", fmt.Sprintf("there are more than %d registry values", maxRegistryValues), "no policy needs as many; is it the right key?")
	}
	for _, folder := range l.content.policy {
		if folder.name == "" {
			p.readValues(folder.values)
		} else {
			p.readFolder(folder)
		}
	}
	if len(p.all) == 0 {
		return
	}
	l.lower = merge(l.layers...)
	l.policy = l.assign("Group Policy", p.applicable())
}

// origin names a value or key below the policy key, as explain and problems show it.
func (p *policyReader) origin(below string) string {
	return "Group Policy " + strings.TrimSuffix(hklm+p.keys.policy+`\`+below, `\`)
}

// tell reports a problem of a value or key, unless a start leaves that out.
func (p *policyReader) tell(code, below, message, hint string) {
	src := p.newSource("")
	src.origin = p.origin(below)
	if !p.opts.ignored[src.origin] {
		p.report(code, spot{src: src}, "", message, hint)
	}
}

const policyCure = "set it by this version's policy templates, or delete it"

// setting finds a setting by its name.
func (p *policyReader) setting(name string) (*PolicySetting, bool) {
	names := make([]string, len(p.settings))
	for i := range p.settings {
		names[i] = p.settings[i].Name
		if strings.EqualFold(names[i], name) {
			return &p.settings[i], true
		}
	}
	hint := policyCure
	if better := closest(name, names); better != "" {
		hint = fmt.Sprintf("did you mean %s?", better)
	}
	p.tell(codePolicy, name, fmt.Sprintf("there is no policy %q", name), hint)
	return nil, false
}

// readValues reads the values of the policy key itself.
func (p *policyReader) readValues(values []RegistryValue) {
	for _, v := range values {
		setting, ok := p.setting(v.Name)
		switch {
		case !ok:
		case setting.Kind.isFolder():
			p.tell(codePolicy, v.Name, fmt.Sprintf("policy %s is a registry key with values, not a value", setting.Name), policyCure)
		default:
			p.add(setting, v.Name, v, setting.parts(""))
		}
	}
}

// readFolder reads one key below the policy key: a list.
func (p *policyReader) readFolder(folder registryFolder) {
	setting, ok := p.setting(folder.name)
	if !ok {
		return
	}
	if !setting.Kind.isFolder() {
		p.tell(codePolicy, folder.name, fmt.Sprintf("policy %s is a registry value, not a key", setting.Name), policyCure)
		return
	}
	for _, key := range folder.keys {
		p.tell(codePolicy, folder.name+`\`+key, fmt.Sprintf("policy %s has no keys below it", setting.Name), policyCure)
	}
	if setting.Kind == PolicyList {
		p.addList(setting, folder)
		return
	}
	for _, v := range folder.values {
		parts := setting.parts(v.Name)
		if setting.Kind == PolicyPairs {
			parts = strings.Split(v.Name, ".")
		}
		if v.Name == "" {
			p.tell(codePolicy, folder.name, fmt.Sprintf("policy %s has a value without a name", setting.Name), policyCure)
			continue
		}
		p.add(setting, folder.name+`\`+v.Name, v, parts)
	}
}

// add takes one value for one key.
func (p *policyReader) add(setting *PolicySetting, below string, v RegistryValue, parts []string) {
	text, err := setting.value(v)
	if err != nil {
		p.tell(codePolicy, below, fmt.Sprintf("policy %s: %v", setting.Name, err), policyCure)
		return
	}
	a := assignment{origin: p.origin(below), parts: parts, join: ".", text: text}
	if setting.Kind == PolicyNames && setting.shape(p.root).kind == kindList {
		a.list = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		a.isList = true
	}
	if !p.opts.ignored[a.origin] {
		p.all = append(p.all, policyAssignment{a, setting})
	}
}

// addList takes all values of a key for one key.
func (p *policyReader) addList(setting *PolicySetting, folder registryFolder) {
	a := assignment{origin: p.origin(folder.name), parts: setting.parts(""), join: ".", isList: true}
	for _, v := range folder.values {
		text, err := setting.value(v)
		if err != nil {
			p.tell(codePolicy, folder.name, fmt.Sprintf("policy %s, entry %s: %v", setting.Name, v.Name, err), policyCure)
			return
		}
		a.list = append(a.list, text)
	}
	if len(a.list) > 0 && !p.opts.ignored[a.origin] {
		p.all = append(p.all, policyAssignment{a, setting})
	}
}

// applicable are the assignments that the machine has a use for, those of Settings first, which other
// settings of the same key outrank.
func (p *policyReader) applicable() []assignment {
	made, own := map[path]bool{}, map[string]bool{}
	for _, a := range p.all {
		if a.setting.Kind != PolicyPairs {
			own[a.key()] = true
		} else if at, ok := p.makes(a.assignment); ok {
			made[at] = true
		}
	}
	var pairs, rest []assignment
	for _, a := range p.all {
		switch at, named := p.entry(a.assignment); {
		case named && !made[at] && !p.has(at):
			p.absent(a.assignment, at)
		case a.setting.Kind != PolicyPairs:
			rest = append(rest, a.assignment)
		case own[a.key()]:
			src := p.newSource("")
			src.origin = a.origin
			p.report(codeNoEffect, spot{src: src}, "", fmt.Sprintf("%s has a policy of its own, which is set, too", a.key()), "delete one of the two")
		default:
			pairs = append(pairs, a.assignment)
		}
	}
	return append(pairs, rest...)
}

// key is the key that an assignment names, in one spelling.
func (a assignment) key() string { return strings.ToLower(strings.Join(a.parts, ".")) }

// entry is the app, route, ... that an assignment is about.
func (p *policyReader) entry(a assignment) (path, bool) {
	if len(a.parts) < 2 {
		return "", false
	}
	section := strings.ToLower(a.parts[0])
	if s, ok := p.root.field(section); !ok || !s.named() {
		return "", false
	}
	at := path(section)
	return at.key(p.knownName(at, strings.ToLower(a.parts[1]))), true
}

// makes is the entry that an assignment gives what an entry cannot be without.
func (p *policyReader) makes(a assignment) (path, bool) {
	at, ok := p.entry(a)
	if !ok || len(a.parts) == 2 {
		return at, ok
	}
	key := strings.ToLower(a.parts[2])
	switch at.parent() {
	case "routes":
		return at, slices.Contains(handlerKeys(), key)
	case "certificates":
		return at, slices.Contains(certificateKeys(), key)
	}
	s, _ := p.root.field(string(at.parent()))
	f, ok := s.elem.field(key)
	return at, ok && f.rule.required
}

// has reports whether the machine has an entry without Group Policy.
func (p *policyReader) has(at path) bool {
	_, there := lookup(p.lower, at)
	listeners := section(p.lower, "listeners")
	_, byDefault := Default().Listeners[last(at)]
	return there || at.parent() == "listeners" && len(listeners) == 0 && byDefault
}

// absent tells of a setting for an entry that is not there, unless that follows from another problem.
func (p *policyReader) absent(a assignment, at path) {
	if p.broken || p.rejected[at] {
		return
	}
	word := strings.TrimSuffix(string(at.parent()), "s")
	names := slices.Sorted(maps.Keys(section(p.lower, string(at.parent()))))
	hint := "this policy changes nothing here"
	if better := closest(last(at), names); better != "" {
		hint += fmt.Sprintf("; did you mean %q?", better)
	}
	src := p.newSource("")
	src.origin = a.origin
	p.report(codeNoEffect, spot{src: src}, at, fmt.Sprintf("there is no %s %q on this machine", word, last(at)), hint)
}

// policyKeys are the keys that Group Policy sets.
func (l *loader) policyKeys() []string {
	if l.policy == nil {
		return nil
	}
	var keys []string
	for i := range l.policy.spots.list {
		at := l.policy.spots.list[i].at
		if _, below := l.policy.spots.of(at.parent()); !below {
			keys = append(keys, at.String())
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
