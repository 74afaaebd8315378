package metadata

import (
	"strings"

	"holdfast/installer/msi"
)

// installedPaths are the paths of the files below INSTALLDIR by their keys, with slashes; those of
// other folders begin with the folder's key in brackets.
func installedPaths(db *msi.Database) map[string]string {
	parent, name := map[string]string{}, map[string]string{}
	if t := db.Table("Directory"); t != nil {
		for _, row := range t.Rows {
			key := t.Text(row, "Directory")
			parent[key], name[key] = t.Text(row, "Directory_Parent"), long(t.Text(row, "DefaultDir"))
		}
	}
	folder := func(key string) string {
		var parts []string
		const deepest = 260                   // characters of a path on Windows
		for range min(deepest, len(parent)) { // a folder may be its own parent
			if key == "INSTALLDIR" {
				return strings.Join(parts, "/")
			}
			up, ok := parent[key]
			if !ok || up == "" || up == key {
				break
			}
			if name[key] != "." {
				parts = append([]string{name[key]}, parts...)
			}
			key = up
		}
		return strings.Join(append([]string{"[" + key + "]"}, parts...), "/")
	}
	folders := map[string]string{}
	if t := db.Table("Component"); t != nil {
		for _, row := range t.Rows {
			folders[t.Text(row, "Component")] = folder(t.Text(row, "Directory_"))
		}
	}
	paths := map[string]string{}
	if t := db.Table("File"); t != nil {
		for _, row := range t.Rows {
			in := folders[t.Text(row, "Component_")]
			if in != "" {
				in += "/"
			}
			paths[t.Text(row, "File")] = in + long(t.Text(row, "FileName"))
		}
	}
	return paths
}

// long is the long name of "SHORT|long", at the place where it is installed ("target:source").
func long(name string) string {
	name, _, _ = strings.Cut(name, ":")
	if _, l, ok := strings.Cut(name, "|"); ok {
		return l
	}
	return name
}
