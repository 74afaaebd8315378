package migrate

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
)

// YAML is the configuration of all apps, whole in itself: it may be a main file or stand in conf.d.
// head is the first comment; the notes follow it.
func (r *Result) YAML(head string) ([]byte, error) { return r.write(head, r.apps, r.Notes()) }

// Part is the configuration of one app for a file of its own in conf.d, with its own notes; the first
// app has those on the whole file too.
func (r *Result) Part(name, head string) ([]byte, error) {
	for i, a := range r.apps {
		if a.name != name {
			continue
		}
		var notes []Note
		for _, n := range r.Notes() {
			if n.App == name || n.App == "" && i == 0 {
				notes = append(notes, n)
			}
		}
		return r.write(head, []*app{a}, notes)
	}
	return nil, fmt.Errorf("import: there is no app %q", name)
}

func (r *Result) write(head string, apps []*app, notes []Note) ([]byte, error) {
	var b bytes.Buffer
	writeComment(&b, "", head)
	for i, n := range notes {
		if i == 0 || notes[i-1].Kept != n.Kept {
			title := "Did not carry over:"
			if n.Kept {
				title = "Carried over, but look at it:"
			}
			fmt.Fprintf(&b, "#\n# %s\n", title)
		}
		n.comment(&b)
	}
	doc := &yaml.Node{Kind: yaml.MappingNode}
	pair(doc, "version", number(config.Version))
	all := &yaml.Node{Kind: yaml.MappingNode}
	routes := &yaml.Node{Kind: yaml.MappingNode}
	var without []*app
	for _, a := range apps {
		if a.rules != nil {
			pair(routes, a.name, a.rules.node()).HeadComment = commentLine(a.origin)
			continue
		}
		key := pair(all, a.name, a.node())
		key.HeadComment = commentLine(a.origin)
		if a.port.known() {
			pair(routes, a.name, r.route(a))
		} else {
			without = append(without, a)
		}
	}
	section(doc, "apps", all)
	if len(routes.Content) > 0 {
		pair(doc, "routes", routes)
	}
	var y bytes.Buffer
	enc := yaml.NewEncoder(&y)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	b.Write(spaced(y.Bytes()))
	if len(without) > 0 {
		r.proposals(&b, without, len(routes.Content) > 0)
	}
	return b.Bytes(), nil
}

// spaced puts an empty line before each section and, when there are several, between apps.
func spaced(text []byte) []byte {
	var b bytes.Buffer
	apps, first, before := false, true, ""
	for line := range strings.Lines(string(text)) {
		switch {
		case line[0] != ' ' && line[0] != '#' && line[0] != '\n' && b.Len() > 0:
			b.WriteByte('\n')
			apps, first = strings.HasPrefix(line, "apps:"), true
		case apps && strings.HasPrefix(line, "  #") && !strings.HasPrefix(before, "  #"):
			if !first {
				b.WriteByte('\n')
			}
			first = false
		}
		b.WriteString(line)
		before = line
	}
	return b.Bytes()
}

// proposals are the routes of apps whose port is not known, as comments.
func (r *Result) proposals(b *bytes.Buffer, apps []*app, under bool) {
	b.WriteString("\n# No port is known for these. If one serves HTTP: write port: auto and let it read PORT, or put\n" +
		"# \"${port}\" into its command; or write port: NUMBER. Then it is reached with:\n#\n")
	indent := "  "
	if !under {
		b.WriteString("# routes:\n")
	}
	for _, a := range apps {
		fmt.Fprintf(b, "# %s%s: {%sapp: %s}\n", indent, a.name, map[bool]string{true: "match: {host: " + r.host(a) + "}, "}[len(r.apps) > 1], a.name)
	}
}

// host is a name that reaches an app on the machine itself, whatever DNS says.
func (r *Result) host(a *app) string { return strings.ReplaceAll(a.name, "_", "-") + ".localhost" }

// route sends everything to the only app, and a host name of its own to each of several.
func (r *Result) route(a *app) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	match := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if len(r.apps) > 1 {
		host := text(r.host(a))
		pair(match, "host", host)
	}
	if a.path != "" {
		pair(match, "path_prefix", text(a.path))
	}
	if len(match.Content) > 0 {
		key := pair(n, "match", match)
		if len(r.apps) > 1 {
			key.HeadComment = "# Write the real host name."
		}
	}
	pair(n, "app", text(a.name))
	if a.timeout > 0 && a.timeout != config.DefaultRoute().Timeout.D() {
		pair(n, "timeout", span(a.timeout))
	}
	return n
}

// node is the app's section.
func (a *app) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	pair(n, "command", list(a.command))
	if a.directory != "" {
		pair(n, "directory", text(a.directory))
	}
	if len(a.env) > 0 {
		env := &yaml.Node{Kind: yaml.MappingNode}
		for _, v := range a.env {
			pair(env, v.name, quoted(v.value.Reveal()))
		}
		pair(n, "env", env)
	}
	a.portNode(n)
	if a.instances != 1 {
		pair(n, "instances", number(a.instances))
	}
	if len(a.dependsOn) > 0 {
		pair(n, "depends_on", list(a.dependsOn))
	}
	if a.manual {
		pair(n, "autostart", plainScalar("false"))
	}
	section(n, "restart", a.restartNode())
	stop := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if a.stop.method != "" {
		pair(stop, "method", text(a.stop.method))
	}
	if a.stop.grace > 0 {
		pair(stop, "grace", span(a.stop.grace))
	}
	section(n, "stop", stop)
	if a.startup > time.Second && a.port.known() {
		probe := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		pair(probe, "tcp_socket", &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle})
		pair(probe, "failure_threshold", number(int(min(a.startup/time.Second, 100_000))))
		pair(n, "startup_probe", probe)
	}
	limits := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if a.memory > 0 {
		pair(limits, "memory", plainScalar(config.Size(a.memory).String()))
	}
	if a.recycle > 0 {
		pair(limits, "memory_recycle", plainScalar(config.Size(a.recycle).String()))
	}
	section(n, "limits", limits)
	if len(a.onFailure) > 0 {
		hook := &yaml.Node{Kind: yaml.MappingNode}
		pair(hook, "command", list(a.onFailure))
		pair(n, "on_failure", hook)
	}
	file := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if a.maxSize > 0 {
		pair(file, "max_size", plainScalar(config.Size(a.maxSize).String()))
	}
	if a.maxFiles != nil {
		pair(file, "max_files", number(*a.maxFiles))
	}
	if len(file.Content) > 0 {
		output := &yaml.Node{Kind: yaml.MappingNode}
		pair(output, "file", file)
		pair(n, "output", output)
	}
	return n
}

func (a *app) portNode(n *yaml.Node) {
	value := plainScalar("none")
	switch {
	case a.port.auto:
		value = plainScalar("auto")
	case a.port.number > 0:
		value = number(a.port.number)
	}
	if a.port.why != "" {
		value.LineComment = commentLine(a.port.why)
	}
	pair(n, "port", value)
}

func (a *app) restartNode() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	w := a.restart
	if w.policy != "" && w.policy != string(config.DefaultApp().Restart.Policy) {
		pair(n, "policy", text(w.policy))
	}
	for _, d := range []struct {
		key  string
		span time.Duration
	}{{"backoff", w.backoff}, {"max_backoff", w.maxBackoff}} {
		if d.span > 0 {
			pair(n, d.key, span(d.span))
		}
	}
	if w.maxRestarts != nil {
		pair(n, "max_restarts", number(*w.maxRestarts))
	}
	if w.window > 0 {
		pair(n, "window", span(w.window))
	}
	if w.resetAfter > 0 {
		pair(n, "reset_after", span(w.resetAfter))
	}
	if len(w.noRestart) > 0 {
		codes := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, c := range w.noRestart {
			codes.Content = append(codes.Content, plainScalar(strconv.FormatInt(c, 10)))
		}
		pair(n, "no_restart_codes", codes)
	}
	if len(n.Content) <= 6 {
		n.Style = yaml.FlowStyle
	}
	return n
}

// pair adds a key and its value, and returns the key's node.
func pair(to *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	k := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
	to.Content = append(to.Content, k, value)
	return k
}

// section is pair for a section that is left out when it is empty.
func section(to *yaml.Node, key string, value *yaml.Node) {
	if len(value.Content) > 0 {
		pair(to, key, value)
	}
}

func plainScalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
func number(n int) *yaml.Node         { return plainScalar(strconv.Itoa(n)) }

func span(d time.Duration) *yaml.Node { return plainScalar(config.Duration(d).String()) }

// text is a string in the style of people: backslashes in single quotes, placeholders in double ones.
func text(s string) *yaml.Node { return written(final(s)) }

// written is text for what already is as the configuration has it.
func written(s string) *yaml.Node {
	s = strings.ToValidUTF8(s, "\ufffd")
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case strings.Contains(s, `\`):
		n.Style = yaml.SingleQuotedStyle
	case strings.Contains(s, "${"):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// quoted is text for values of variables, which are texts even where they look like numbers.
func quoted(s string) *yaml.Node {
	n := text(s)
	if strings.Contains(n.Value, "\n") && !strings.Contains(n.Value, `\`) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func list(items []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range items {
		n.Content = append(n.Content, text(item))
	}
	return n
}

// commentLine is a text as one line of comment.
func commentLine(s string) string {
	if s == "" {
		return ""
	}
	return "# " + shown(s)
}
