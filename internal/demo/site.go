package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
)

//go:embed site
var site embed.FS

// WriteSite writes the static site of the demo into dir, which it creates and which must not hold
// files of the same names yet.
func WriteSite(dir string) error {
	files, err := fs.Sub(site, "site")
	if err != nil {
		return fmt.Errorf("demo: site: %w", err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("demo: write the site: %w", err)
	}
	return nil
}
