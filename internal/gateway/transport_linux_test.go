package gateway

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/config"
)

// TestAuthoritiesFromPipe: a reload does not wait for a pipe that nobody writes to.
func TestAuthoritiesFromPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := (&Gateway{}).transportOf(config.Transport{CAFile: pipe})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a pipe is taken for a file of authorities")
		}
	case <-time.After(10 * time.Second):
		if w, err := syscall.Open(pipe, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = syscall.Close(w) // ends the goroutine
		}
		t.Fatal("it waits for the pipe")
	}
}
