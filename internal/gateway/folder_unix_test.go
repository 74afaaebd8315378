//go:build unix

package gateway

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A named pipe in the folder is no file, and nobody waits for its other end.
func TestNamedPipe(t *testing.T) {
	root := tree(t, map[string]string{"empty.txt": ""})
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := start(t, siteConfig(root))
	c := testClient(t, false)
	if res, _ := get(t, c, "GET", r.url("/pipe")); res.StatusCode != 404 {
		t.Errorf("a pipe: %d", res.StatusCode)
	}
	if res, body := get(t, c, "GET", r.url("/empty.txt")); res.StatusCode != 200 || body != "" || res.ContentLength != 0 {
		t.Errorf("an empty file: %d %q %v", res.StatusCode, body, res.Header)
	}
}
