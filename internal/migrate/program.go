package migrate

import (
	"bytes"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
)

// Program is an app as somebody describes it on a command line. Its texts are those of the
// configuration: "${port}" is a placeholder.
type Program struct {
	Name      string
	Command   []string
	Directory string
	// Env are names and values, in their order.
	Env [][2]string
	// Port is auto, none or a number.
	Port      string
	Instances int
	// Manual leaves it stopped when Holdfast starts.
	Manual bool
	// Probe is the path of an HTTP probe, empty for none.
	Probe string
	// Route is what requests it answers, nil for none.
	Route *Match
}

// Match is what a request must be like.
type Match struct {
	// Host is empty for every host, Path for every path.
	Host, Path string
}

// YAML is the program as a file of conf.d, with head as its first comment.
func (p Program) YAML(head string) ([]byte, error) {
	app := &yaml.Node{Kind: yaml.MappingNode}
	pair(app, "command", writtenList(p.Command))
	pair(app, "directory", written(p.Directory))
	if len(p.Env) > 0 {
		env := &yaml.Node{Kind: yaml.MappingNode}
		for _, v := range p.Env {
			pair(env, v[0], written(v[1]))
		}
		pair(app, "env", env)
	}
	port := plainScalar(p.Port)
	if p.Port == "auto" {
		port.LineComment = `# told to the program as PORT, and as "${port}" in command and env`
	}
	pair(app, "port", port)
	if p.Instances != 1 {
		pair(app, "instances", number(p.Instances))
	}
	if p.Manual {
		value := plainScalar("false")
		value.LineComment = "# remove this to start it with Holdfast"
		pair(app, "autostart", value)
	}
	if p.Probe != "" {
		for _, name := range []string{"startup_probe", "readiness_probe", "liveness_probe"} {
			probe, get := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}, &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
			pair(get, "path", written(p.Probe))
			pair(probe, "http_get", get)
			pair(app, name, probe)
		}
	}
	doc := &yaml.Node{Kind: yaml.MappingNode}
	pair(doc, "version", number(config.Version))
	pair(doc, "apps", one(p.Name, app))
	if p.Route != nil {
		pair(doc, "routes", one(p.Name, p.Route.node(p.Name)))
	}
	var b bytes.Buffer
	writeComment(&b, "", head)
	var y bytes.Buffer
	enc := yaml.NewEncoder(&y)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("app %s: %w", strconv.Quote(p.Name), err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("app %s: %w", strconv.Quote(p.Name), err)
	}
	b.Write(spaced(y.Bytes()))
	return b.Bytes(), nil
}

// one is a section with one entry.
func one(name string, value *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	pair(n, name, value)
	return n
}

func (m Match) node(app string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	match := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if m.Host != "" {
		pair(match, "host", written(m.Host))
	}
	if m.Path != "" {
		pair(match, "path_prefix", written(m.Path))
	}
	section(n, "match", match)
	pair(n, "app", written(app))
	return n
}

func writtenList(items []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range items {
		n.Content = append(n.Content, written(item))
	}
	return n
}
