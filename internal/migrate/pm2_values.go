package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var errDocuments = errors.New("it has more than one YAML document; import them one by one")

// pm2Value reads JSON, YAML or the literal part of JavaScript.
func pm2Value(file File) (any, error) {
	text := textOf(file.Data)
	switch ext := strings.ToLower(path.Ext(file.Name)); ext {
	case ".yaml", ".yml":
		return yamlValue(text)
	default:
		var v any
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			return allUnmarked(v), nil
		}
		return readScript(text, file.Folder)
	}
}

// allUnmarked is v with every text in it unmarked. The parser bounds how deep it is nested.
func allUnmarked(v any) any {
	switch v := v.(type) {
	case string:
		return unmarked(v)
	case []any:
		for i := range v {
			v[i] = allUnmarked(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, value := range v {
			clean[unmarked(name)] = allUnmarked(value)
		}
		return clean
	}
	return v
}

// yamlValue is a YAML file as the values of JavaScript. Aliases are counted each time they are used.
func yamlValue(text string) (any, error) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, fmt.Errorf("it is not YAML: %s", shown(firstLine(err.Error())))
	case !errors.Is(d.Decode(&more), io.EOF):
		return nil, errDocuments
	}
	left := maxNodes
	return fromYAML(&doc, 0, &left)
}

func fromYAML(n *yaml.Node, depth int, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, errTooMany("values", maxNodes)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return fromYAML(n.Content[0], depth+1, left)
		}
	case yaml.AliasNode:
		return fromYAML(n.Alias, depth+1, left)
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := fromYAML(c, depth+1, left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := fromYAML(n.Content[i+1], depth+1, left)
			if err != nil {
				return nil, err
			}
			if sub, ok := v.(map[string]any); ok && n.Content[i].Value == "<<" {
				for key, value := range sub {
					if _, own := m[key]; !own {
						m[key] = value
					}
				}
				continue
			}
			m[unmarked(n.Content[i].Value)] = v
		}
		return m, nil
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!bool":
			return truth(n.Value), nil
		case "!!null":
			return nil, nil //nolint:nilnil // that is the value
		case "!!int", "!!float":
			if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
				return f, nil
			}
		}
		return unmarked(n.Value), nil
	}
	return nil, nil //nolint:nilnil // an empty file
}

// isDump tells pm2 jlist and dump.pm2 from a plain list of apps.
func isDump(v any) bool {
	m, _ := v.(map[string]any)
	_, listed := m["pm2_env"]
	_, dumped := m["pm_exec_path"]
	return listed || dumped
}

// merged makes one entry of the processes of one name.
func merged(list []any) []any {
	var all []any
	count := map[string]float64{}
	for _, one := range list {
		m, ok := one.(map[string]any)
		if !ok {
			continue
		}
		if env, ok := m["pm2_env"].(map[string]any); ok {
			env = maps.Clone(env)
			if _, ok := env["name"]; !ok {
				env["name"] = m["name"]
			}
			m = env
		}
		name, _ := asText(m["name"])
		if count[name]++; count[name] == 1 {
			all = append(all, maps.Clone(m))
		}
	}
	for _, one := range all {
		m, _ := one.(map[string]any)
		name, _ := asText(m["name"])
		m["instances"] = count[name]
	}
	return all
}

// asSource shows a value in a note.
func asSource(v any) string {
	if code, ok := v.(notLiteral); ok {
		return code.source
	}
	if text, ok := asText(v); ok {
		return text
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "..."
	}
	return string(data)
}
