package daemon

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// manyRoutes is a configuration with n routes; a tenth of them differ from those of another generation.
func manyRoutes(n, generation int) string {
	var text strings.Builder
	text.WriteString(listeners + "routes:\n")
	for i := range n {
		prefix := "/api"
		if i%10 == 0 {
			prefix = fmt.Sprintf("/api/v%d", generation)
		}
		fmt.Fprintf(&text, "  route-%05d:\n    match: {host: shop-%d.example.com, path_prefix: %s}\n    strip_prefix: /api\n    urls: [\"http://127.0.0.1:%d\"]\n", i, i, prefix, 3000+i%100)
	}
	return text.String()
}

// BenchmarkReload is a reload from the file on the disk to the table that requests meet.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{10, 200, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			r := start(b, manyRoutes(n, 1))
			files := []string{filepath.Join(r.dir, "holdfast.yaml"), filepath.Join(r.dir, "other.yaml")}
			write(b, files[1], manyRoutes(n, 2))
			i := 0
			reload := func() {
				i++
				r.d.reloading.Lock()
				r.d.options.Config.File = files[i%2] // a written file would be reloaded by itself, too
				r.d.reloading.Unlock()
				if err := r.d.Reload(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			reload()
			b.ReportAllocs()
			for b.Loop() {
				reload()
			}
			b.StopTimer()
			r.stop()
		})
	}
}

// BenchmarkStart is a start until the service is ready.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{1, 200, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			text := manyRoutes(n, 1)
			b.ReportAllocs()
			for range b.N {
				r := start(b, text)
				b.StopTimer()
				r.stop()
				b.StartTimer()
			}
		})
	}
}
