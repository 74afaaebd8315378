package configs

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// templates are folders by kind: holdfast.yaml, and the files of an example, each with .txt at its end so
// that no tool takes them for a part of Holdfast.
//
//go:embed templates
var templates embed.FS

// Template is how programs of one kind are hosted. In Config and in the example the words APP_NAME,
// APP_DIRECTORY and others stand for what Fill knows.
type Template struct {
	// Config is the commented configuration.
	Config string
	// Example are the files of a tiny program that it runs, by name.
	Example map[string]string
}

// TemplateKinds are the kinds that TemplateOf knows.
func TemplateKinds() []string { return []string{"node", "python", "java", "dotnet", "go"} }

// TemplateOf reads the template of a kind.
func TemplateOf(kind string) (Template, error) {
	folder := path.Join("templates", kind)
	text, err := fs.ReadFile(templates, path.Join(folder, "holdfast.yaml"))
	if err != nil {
		return Template{}, fmt.Errorf("there is no template %q; write %s", kind, strings.Join(TemplateKinds(), ", "))
	}
	t := Template{Config: string(text), Example: map[string]string{}}
	files, err := fs.ReadDir(templates, path.Join(folder, "example"))
	if err != nil {
		return Template{}, fmt.Errorf("template %q: %w", kind, err)
	}
	for _, f := range files {
		text, err := fs.ReadFile(templates, path.Join(folder, "example", f.Name()))
		if err != nil {
			return Template{}, fmt.Errorf("template %q: %w", kind, err)
		}
		t.Example[strings.TrimSuffix(f.Name(), ".txt")] = string(text)
	}
	return t, nil
}

// Fill puts the values of words in, in the names of the example's files, too.
func (t Template) Fill(words map[string]string) Template {
	var pairs []string
	for word, value := range words {
		pairs = append(pairs, word, value)
	}
	r := strings.NewReplacer(pairs...)
	filled := Template{Config: r.Replace(t.Config), Example: map[string]string{}}
	for name, text := range t.Example {
		filled.Example[r.Replace(name)] = text
	}
	return filled
}
