package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/status"
)

// feed gives an Output what a child would write to stdout.
func feed(o *Output, text string) {
	var split splitter
	o.ingest(stdout, &split, []byte(text))
	o.flush(stdout, &split)
}

func TestTail(t *testing.T) {
	o := NewOutput(OutputOptions{Instance: "shop-1"})
	if got := o.Tail(5); len(got) != 0 {
		t.Errorf("tail of nothing: %v", got)
	}
	feed(o, "one\r\ntwo\n")
	o.Note("started")
	want := []status.Line{
		{Seq: 2, Instance: "shop-1", Stream: "stdout", Text: "two"},
		{Seq: 3, Instance: "shop-1", Stream: "holdfast", Text: "started"},
	}
	if diff := cmp.Diff(want, o.Tail(2), cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Error(diff)
	}
	for i := range 1000 {
		feed(o, fmt.Sprintf("line %d\n", i))
	}
	got := o.Tail(5000)
	if len(got) != tailLines || got[0].Text != "line 800" || got[tailLines-1].Text != "line 999" || got[0].Seq != 804 {
		t.Errorf("%d lines, first %+v", len(got), got[0])
	}
	if o.Lines() != 1003 {
		t.Errorf("Lines = %d", o.Lines())
	}
}

func TestTailIsBoundedInBytes(t *testing.T) {
	o := NewOutput(OutputOptions{})
	for i := range 500 {
		feed(o, fmt.Sprintf("%05d%s\n", i, strings.Repeat("x", 9000)))
		sum := 0
		got := o.Tail(tailLines)
		for j, l := range got {
			sum += len(l.Text)
			if want := fmt.Sprintf("%05d", i-len(got)+1+j); !strings.HasPrefix(l.Text, want) {
				t.Fatalf("after %d: line %d begins with %q", i, j, l.Text[:5])
			}
		}
		if sum > tailBytes || cap(o.tail.data) > 4*tailBytes {
			t.Fatalf("tail holds %d bytes in %d", sum, cap(o.tail.data))
		}
	}
}

func TestFollow(t *testing.T) {
	o := NewOutput(OutputOptions{})
	feed(o, "before\n")
	f, slow := o.Follow(10), o.Follow(1)
	feed(o, "a\nb\nc\n")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(f *Follower) (got []string) {
		for l := range f.C() {
			got = append(got, l.Text)
		}
		return got
	}
	if got := read(f); !cmp.Equal(got, []string{"a", "b", "c"}) || f.Dropped() != 0 {
		t.Errorf("%q, %d dropped", got, f.Dropped())
	}
	if got := read(slow); !cmp.Equal(got, []string{"a"}) || slow.Dropped() != 2 {
		t.Errorf("slow: %q, %d dropped", got, slow.Dropped())
	}
	f.Close()
	f.Close()
	if got := read(o.Follow(1)); got != nil {
		t.Errorf("after Close: %q", got)
	}
}

func TestFileHoldsEveryLine(t *testing.T) {
	path := filepath.Join(tempDir(t), "logs", "x.log")
	t.Cleanup(func() { _, _ = os.Remove(path), os.Remove(filepath.Dir(path)) })
	for _, text := range []string{"first\nsecond\n", "third \x00 \xff\n"} {
		o := NewOutput(OutputOptions{Path: path, Encoding: "utf-8"})
		feed(o, text)
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		feed(o, "too late\n")
		if o.Dropped() != 1 {
			t.Errorf("dropped %d, want the late line", o.Dropped())
		}
	}
	var got []string
	for line := range strings.Lines(readFile(t, path)) {
		at, rest, _ := strings.Cut(line, " ")
		if when, err := time.Parse(time.RFC3339Nano, at); err != nil || time.Since(when) > time.Hour {
			t.Errorf("time %q: %v", at, err)
		}
		got = append(got, rest)
	}
	if want := []string{"stdout first\n", "stdout second\n", "stdout third \\x00 \ufffd\n"}; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRotation(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "x.log")
	r := newRotated(path, limits{100, 2})
	for i := range 40 {
		if n, err := r.write(fmt.Appendf(nil, "line %02d padding\nline %02d again\n", i, i)); n != 2 || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	long := strings.Repeat("y", 500) + "\n"
	if n, err := r.write([]byte(long + "after\n")); n != 2 || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.write([]byte("x\n")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if got := readFile(t, path); got != "after\n" {
		t.Errorf("live: %q", got)
	}
	if got := readFile(t, path+".1"); got != long {
		t.Errorf(".1: %d bytes", len(got))
	}
	if got := readFile(t, path+".2"); !strings.HasSuffix(got, "line 39 again\n") || len(got) > 100 || !strings.HasPrefix(got, "line ") {
		t.Errorf(".2: %q", got)
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("a third old file was kept")
	}
}

func TestRotationWithoutOldFiles(t *testing.T) {
	path := filepath.Join(tempDir(t), "x.log")
	r := newRotated(path, limits{10, 0})
	if n, err := r.write([]byte("aaaaaa\nbbbbbb\n")); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, path); got != "bbbbbb\n" {
		t.Errorf("%q", got)
	}
}

func TestUnwritableFileIsNotedAndRecovers(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "x.log")
	if err := os.Mkdir(path, 0o700); err != nil { // a folder in the file's place
		t.Fatal(err)
	}
	o := NewOutput(OutputOptions{Path: path})
	feed(o, "lost\n")
	until(t, "the error", func() bool { return o.Err() != nil })
	feed(o, "lost, too\n")
	if got := texts(o); len(got) != 3 || !strings.Contains(got[1], "output file: ") {
		t.Errorf("tail: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until(t, "recovery", func() bool { feed(o, "again\n"); return o.Err() == nil })
	feed(o, "end\n")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, path)
	if !strings.Contains(got, " holdfast dropped ") || !strings.HasSuffix(got, " stdout end\n") || strings.Contains(got, "lost\n") {
		t.Errorf("file: %q", got)
	}
	if written := uint64(strings.Count(got, "\n")); written+o.Dropped() != o.Lines() {
		t.Errorf("%d written + %d dropped, %d lines", written, o.Dropped(), o.Lines())
	}
}

// TestFloodIsBounded has a child write more than everything that may be held. Whatever the disk
// does, the child ends, memory stays bounded, and each line is in the files or counted.
func TestFloodIsBounded(t *testing.T) {
	const mib = 40
	l := launch(t)
	path := filepath.Join(tempDir(t), "x.log")
	o := NewOutput(OutputOptions{Path: path, MaxSize: 8 << 20, MaxFiles: 20})
	c := start(t, l, Spec{Command: self(t, "flood", fmt.Sprint(mib)), Output: o})
	most := 0
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for ended := false; !ended; {
		select {
		case <-c.Done():
			ended = true
		case <-look.C:
		}
		o.mu.Lock()
		most = max(most, len(o.pending), cap(o.tail.data))
		o.mu.Unlock()
	}
	if most > maxPending+maxLine {
		t.Errorf("%d bytes were held", most)
	}
	if got := c.Exit(); got.Code != 0 || len(got.LastLines) != LastLines {
		t.Errorf("exit = %+v", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Errorf("files: %v, %v", files, err)
	}
	var written uint64
	for _, f := range files {
		written += uint64(strings.Count(readFile(t, f), "\n"))
	}
	if want := uint64(mib << 20 / 100); o.Lines() < want || written+o.Dropped() != o.Lines() {
		t.Errorf("%d lines, %d written, %d dropped; the child wrote %d", o.Lines(), written, o.Dropped(), want)
	}
	t.Logf("%d lines, %d dropped", o.Lines(), o.Dropped())
}

func TestIdleOutputHoldsNothing(t *testing.T) {
	o := NewOutput(OutputOptions{Path: filepath.Join(tempDir(t), "x.log")})
	if cap(o.pending)+cap(o.scratch)+cap(o.tail.data)+cap(o.tail.entries) != 0 {
		t.Error("an Output without lines holds a buffer")
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

func TestLimitsChangeWhileInUse(t *testing.T) {
	path := filepath.Join(tempDir(t), "shop-1.log")
	o := NewOutput(OutputOptions{Path: path, MaxSize: 1 << 20, MaxFiles: 1})
	o.Note("before")
	o.SetLimits(10, 2) // less than a line: each gets a file of its own
	o.Note("after 1")
	o.Note("after 2")
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".1", path + ".2"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n != 1 {
			t.Errorf("%s has %d lines, want 1: %s", filepath.Base(name), n, data)
		}
	}
}
