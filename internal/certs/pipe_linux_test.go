package certs

import (
	"os"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/config"
)

// TestNamedPipe puts a pipe that nobody writes to in the place of a certificate that is served: it
// is an error like another one, and nobody waits for it.
func TestNamedPipe(t *testing.T) {
	files := pairFiles(scratch(t))
	writePair(t, files, 1)
	s, heard, _ := newStore(t)
	if err := s.Apply(map[string]config.Certificate{"shop": files}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files.CertFile); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(files.CertFile, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		s.refresh(wall())
		s.refresh(wall().Add(checkEvery)) // the first failure may be a write under way
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the Store waits for the pipe")
	}
	if heard.errors.Load() != 1 || serial(t, s) != 1 {
		t.Errorf("%d errors told, serial %d served; want 1 and 1", heard.errors.Load(), serial(t, s))
	}
}
