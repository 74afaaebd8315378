package config

import (
	"fmt"
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
