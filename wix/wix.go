// Package wix is the description of the Windows Installer package: WiX sources and the texts of its
// languages. On Windows WiX itself compiles them (holdfast.wixproj); everywhere installer/wxs and
// installer/msi do, and both give the same rows.
package wix

import (
	"embed"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed *.wxs *.wxi *.wxl
var sources embed.FS

// Sources are the sources (*.wxs), what they include (*.wxi) and their texts (*.wxl, one per
// culture), all in one folder.
func Sources() fs.FS { return sources }

// Names are the names of the sources in order.
func Names() []string { return named("*.wxs") }

// Cultures are the languages that there are texts of: en-US, zh-CN.
func Cultures() []string {
	names := named("*.wxl")
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, ".wxl")
	}
	return names
}

func named(pattern string) []string {
	names, err := fs.Glob(sources, pattern)
	if err != nil {
		return nil // a bad pattern is the only error; there are two, and a test looks at both
	}
	slices.Sort(names)
	return names
}

// Properties are the preprocessor variables of one package as an MSBuild file, which holdfast.wixproj
// imports: with it WiX builds exactly that package.
func Properties(defines map[string]string) ([]byte, error) {
	special := strings.NewReplacer(func() (pairs []string) {
		for _, c := range `%$@'();?*` { // learn.microsoft.com/visualstudio/msbuild/msbuild-special-characters
			pairs = append(pairs, string(c), fmt.Sprintf("%%%02X", c))
		}
		return pairs
	}()...)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(defines)) {
		all = append(all, name+"="+special.Replace(defines[name]))
	}
	out, err := xml.MarshalIndent(project{PropertyGroup: group{Constants: strings.Join(all, ";")}}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("properties of the WiX project: %w", err)
	}
	return append(out, '\n'), nil
}

type project struct {
	XMLName       xml.Name `xml:"Project"`
	PropertyGroup group
}

type group struct {
	Constants string `xml:"HoldfastConstants"`
}
