package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func BenchmarkLoad(b *testing.B) {
	for _, apps := range []int{1, 20, 200} {
		b.Run(fmt.Sprintf("apps=%d", apps), func(b *testing.B) {
			var text strings.Builder
			text.WriteString("version: 1\napps:\n")
			for i := range apps {
				fmt.Fprintf(&text, `  app-%d:
    command: [python3, -m, http.server, "${port}"]
    instances: 2
    env: {A: one, B: two, C: "three"}
    restart: {backoff: 2s}
    liveness_probe: {http_get: {path: /healthz}, period: 5s}
`, i)
			}
			text.WriteString("routes:\n")
			for i := range apps {
				fmt.Fprintf(&text, "  app-%d: {match: {host: app-%d.example.com, path_prefix: /api}, strip_prefix: /api, app: app-%d}\n", i, i, i)
			}
			data := []byte(text.String())
			b.ReportAllocs()
			for b.Loop() {
				if s, problems := Parse("bench.yaml", data, Options{}); s == nil {
					b.Fatal(problems.Err())
				}
			}
		})
	}
}

func BenchmarkLoadConfD(b *testing.B) {
	for _, files := range []int{10, 1000} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			main := filepath.Join(b.TempDir(), "holdfast.yaml")
			if err := os.WriteFile(main, []byte("version: 1\n"), 0o600); err != nil {
				b.Fatal(err)
			}
			parts := filepath.Join(filepath.Dir(main), "conf.d")
			if err := os.Mkdir(parts, 0o700); err != nil {
				b.Fatal(err)
			}
			for i := range files {
				text := fmt.Sprintf("routes: {r%d: {match: {path: /r%d}, respond: {status: 204}}}\n", i, i)
				if err := os.WriteFile(filepath.Join(parts, fmt.Sprintf("%d.yaml", i)), []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if s, problems := Load(Options{File: main}); s == nil {
					b.Fatal(problems.Err())
				}
			}
		})
	}
}
