// Package policy writes the administrative templates (ADMX and ADML) with which an administrator sets
// Holdfast's configuration by Group Policy. They are generated from the one table that the
// configuration's policy layer reads (config.PolicySettings), so that the editor offers exactly what
// the service understands.
//
// Schema: learn.microsoft.com/previous-versions/windows/desktop/policy/admx-schema.
package policy

import (
	"archive/zip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/service"
)

// folder is what Windows calls the folder of the templates: C:\Windows\PolicyDefinitions, or that of a
// domain's central store.
const folder = "PolicyDefinitions"

// File is one template file; its name has slashes and is relative to the folder of the templates.
type File struct {
	Name string
	Data []byte
}

// Files are the templates of the installation called name: Holdfast.admx, en-US/Holdfast.adml and
// zh-CN/Holdfast.adml.
func Files(name string) ([]File, error) {
	id, err := service.NewIdentity(name)
	if err != nil {
		return nil, fmt.Errorf("policy templates: %w", err)
	}
	settings := config.PolicySettings()
	contents := map[string]any{name + ".admx": definitionsOf(id, settings)}
	for _, l := range languages() {
		contents[l.name+"/"+name+".adml"] = resourcesOf(id, settings, l)
	}
	var files []File
	for _, file := range slices.Sorted(maps.Keys(contents)) {
		data, err := encode(contents[file])
		if err != nil {
			return nil, fmt.Errorf("policy templates: %s: %w", file, err)
		}
		files = append(files, File{file, data})
	}
	return files, nil
}

// WriteFolder writes the templates below dir, which need not be there.
func WriteFolder(dir, name string) error {
	files, err := Files(name)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // everybody may read templates
			return fmt.Errorf("policy templates: %w", err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("policy templates: %w", err)
		}
	}
	return nil
}

// WriteZip writes the templates as a zip archive to unpack in C:\Windows. The same name gives the same
// bytes.
func WriteZip(w io.Writer, name string) error {
	files, err := Files(name)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{
			Name: folder + "/" + f.Name, Method: zip.Deflate,
			Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC), // the earliest that a zip can tell
		}
		out, err := archive.CreateHeader(header)
		if err == nil {
			_, err = out.Write(f.Data)
		}
		if err != nil {
			return fmt.Errorf("policy templates: %s: %w", f.Name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("policy templates: %w", err)
	}
	return nil
}
