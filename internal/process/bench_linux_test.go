package process

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func benchLauncher(b *testing.B) *Launcher {
	b.Helper()
	l := NewLauncher(LauncherOptions{Owner: b.Name()})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return l
}

// BenchmarkStart is from Start to the exit being seen, and to the tree being known to be gone.
func BenchmarkStart(b *testing.B) {
	for _, bb := range []struct {
		name string
		kill bool
	}{{"until=exit", false}, {"until=gone", true}} {
		b.Run(bb.name, func(b *testing.B) {
			l := benchLauncher(b)
			o := NewOutput(OutputOptions{})
			spec := Spec{ID: "shop-1", Command: []string{"/bin/true"}, Dir: "/", Env: []string{"A=1"}, Output: o}
			b.ReportAllocs()
			for b.Loop() {
				c, err := l.Start(spec)
				if err != nil {
					b.Fatal(err)
				}
				<-c.Done()
				if bb.kill {
					if err := c.Close(); err != nil {
						b.Fatal(err)
					}
					continue
				}
				b.StopTimer()
				_ = c.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkOutput is what one line costs on its way from the pipe's buffer into the file.
func BenchmarkOutput(b *testing.B) {
	for _, bb := range []struct{ name, line string }{
		{"line=ascii100", strings.Repeat("x", 99) + "\n"},
		{"line=utf8", strings.Repeat("中文", 16) + "\n"},
		{"line=colour", "\x1b[32minfo\x1b[0m " + strings.Repeat("x", 80) + "\n"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			o := NewOutput(OutputOptions{Path: filepath.Join(b.TempDir(), "x.log"), MaxFiles: 1})
			const lines = 500
			chunk := []byte(strings.Repeat(bb.line, lines))
			var split splitter
			b.SetBytes(int64(len(bb.line)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%lines == 0 {
					o.waitRoom()
					o.ingest(stdout, &split, chunk)
				}
			}
			if err := o.Close(); err != nil {
				b.Error(err)
			}
			b.ReportMetric(float64(o.Dropped())/float64(max(1, o.Lines())), "dropped/line")
		})
	}
}

// BenchmarkIdleInstance tells what one running, silent instance holds in our memory.
func BenchmarkIdleInstance(b *testing.B) {
	l := benchLauncher(b)
	dir := b.TempDir()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var kids []*Child
	for b.Loop() {
		o := NewOutput(OutputOptions{Path: filepath.Join(dir, "x.log")})
		c, err := l.Start(Spec{ID: "shop-1", Command: []string{"/bin/sleep", "1000"}, Dir: "/", Env: []string{"A=1"}, Output: o})
		if err != nil {
			b.Fatal(err)
		}
		kids = append(kids, c)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/float64(len(kids)), "resident-B/instance")
	for _, c := range kids {
		_ = c.Close()
	}
}

// BenchmarkUsage is one round of measuring all of so many trees, per tree.
func BenchmarkUsage(b *testing.B) {
	for _, bb := range []struct {
		name, script string
		trees        int
	}{
		{"trees=1/processes=1", "exec sleep 1000", 1},
		{"trees=100/processes=1", "exec sleep 1000", 100},
		{"trees=1000/processes=1", "exec sleep 1000", 1000},
		{"trees=100/processes=5", "for i in 1 2 3 4; do sleep 1000 & done; wait", 100},
	} {
		b.Run(bb.name, func(b *testing.B) {
			l := benchLauncher(b)
			kids := make([]*Child, bb.trees)
			for i := range kids {
				c, err := l.Start(Spec{ID: "shop-1", Command: []string{"/bin/sh", "-c", bb.script}, Dir: "/", Env: []string{"PATH=/bin:/usr/bin"}})
				if err != nil {
					b.Fatal(err)
				}
				kids[i] = c
			}
			processes := 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%bb.trees == 0 {
					l.census.taken = time.Time{} // a round of its own, as every five seconds
					processes = 0
				}
				u, err := kids[i%bb.trees].Usage()
				if err != nil {
					b.Fatal(err)
				}
				processes += u.Processes
			}
			b.StopTimer()
			for _, c := range kids {
				_ = c.Close()
			}
		})
	}
}

// BenchmarkFleet starts, and then ends, so many programs at once.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run("instances="+strconv.Itoa(n), func(b *testing.B) {
			l := benchLauncher(b)
			var starts, kills time.Duration
			for b.Loop() {
				begin := time.Now()
				kids := make([]*Child, n)
				for i := range kids {
					c, err := l.Start(Spec{ID: "shop-1", Command: []string{"/bin/sleep", "1000"}, Dir: "/", Env: []string{"A=1"}, Output: NewOutput(OutputOptions{})})
					if err != nil {
						b.Fatal(err)
					}
					kids[i] = c
				}
				starts += time.Since(begin)
				begin = time.Now()
				var all sync.WaitGroup
				for _, c := range kids {
					all.Go(func() { c.Kill() })
				}
				all.Wait()
				kills += time.Since(begin)
			}
			b.ReportMetric(float64(starts.Microseconds())/float64(b.N*n), "start-us/instance")
			b.ReportMetric(float64(kills.Microseconds())/float64(b.N*n), "kill-us/instance")
		})
	}
}
