package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHangingFileDelaysOnce stands a FIFO that nobody reads in the file's place: opening it hangs,
// as a dead network share does.
func TestHangingFileDelaysOnce(t *testing.T) {
	path := filepath.Join(tempDir(t), "x.log")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o := NewOutput(OutputOptions{Path: path})
	text := strings.Repeat(strings.Repeat("x", 99)+"\n", 300)
	for range 3 * maxPending / len(text) {
		o.waitRoom()
		feed(o, text)
	}
	if o.Dropped() == 0 || waiting(o) > maxPending {
		t.Errorf("dropped %d, %d bytes waiting", o.Dropped(), waiting(o))
	}
	r, err := os.Open(path) // now the disk answers
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = r.WriteTo(&all)
	}()
	until(t, "the note", func() bool { return strings.Contains(strings.Join(texts(o), "\n"), "dropped ") })
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	<-read
	_ = r.Close()
	if written := uint64(strings.Count(all.String(), "\n")); written+o.Dropped() != o.Lines() {
		t.Errorf("%d written + %d dropped, %d lines", written, o.Dropped(), o.Lines())
	}
	if !strings.Contains(all.String(), " lines: the disk could not keep up\n") {
		t.Error("the file does not tell of the dropped lines")
	}
}

// TestFullDisk writes to /dev/full's likeness: a file whose size limit is reached.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(tempDir(t), "x.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	o := NewOutput(OutputOptions{Path: path})
	feed(o, "lost\n")
	until(t, "the error", func() bool { return o.Err() != nil })
	if got := o.Err().Error(); !strings.Contains(got, "no space left on device") {
		t.Error(got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, "recovery", func() bool { feed(o, "kept\n"); return o.Err() == nil })
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if got := readFile(t, path); !strings.Contains(got, "kept\n") || strings.Contains(got, "lost\n") {
		t.Errorf("file: %q", got)
	}
}

// waiting is how many bytes wait for the file.
func waiting(o *Output) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.pending)
}
