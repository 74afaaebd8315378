//go:build unix

package gateway

import (
	"path/filepath"
	"syscall"
	"testing"

	"holdfast/internal/config"
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

// Nor does a fallback wait.
func TestFallbackIsNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", Fallback: &config.Fallback{On: []string{"not_ready"}, File: path}}}))
	if res, body := get(t, testClient(t, false), "GET", r.url("/")); res.StatusCode != 503 || problemCode(t, res, body) != "not_ready" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
