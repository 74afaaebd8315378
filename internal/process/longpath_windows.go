package process

import (
	"path/filepath"
	"strings"
)

// longPath lets a path exceed 260 characters, whatever the machine's policy says.
func longPath(path string) string {
	if len(path) < 240 || strings.HasPrefix(path, `\\`) || !filepath.IsAbs(path) {
		return path
	}
	return `\\?\` + filepath.Clean(path)
}
