package config

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHalves reads files with many routes on one processor and on two: whatever is in them, in whichever half,
// the outcome is the same.
func TestHalves(t *testing.T) {
	const n = 2*halvedFrom + 1
	line := func(i int) string { return fmt.Sprintf("route-%05d:", i) }
	for name, edit := range map[string]func(text string) string{
		"nothing wrong": func(text string) string { return text },
		"values": func(text string) string {
			for _, i := range []int{3, 900, n - 2} {
				text = strings.Replace(text, line(i), line(i)+" {timeout: soon}\n  x-"+line(i), 1)
			}
			return text
		},
		"more problems than are told": func(text string) string { return strings.ReplaceAll(text, "strip_prefix", "stripprefix") },
		"warnings in both halves": func(text string) string {
			return strings.ReplaceAll(text, "path_prefix: /api}", "path_prefix: /api/*}")
		},
		"a warning at the end": func(text string) string { return text + "    sticky: {}\n" },
		"a repeated route": func(text string) string {
			return strings.Replace(text, line(n-1), line(2), 1)
		},
		"variables and secrets": func(text string) string {
			for _, i := range []int{7, n - 3} {
				text = strings.Replace(text, line(i), line(i)+"\n    basic_auth: {users: {a: \"${env:HASH}\"}}\n    priority: \"${env:NUMBER}\"\n    response_headers: {set: {X-A: \"${env:NUMBER}\"}}", 1)
			}
			return text
		},
		"not plain": func(text string) string {
			return text + "    error_pages: &x\n      \"404\": \"${file:halves_test.go}\"\n"
		},
		"same requests": func(text string) string {
			return strings.ReplaceAll(text, fmt.Sprintf("shop-%d.example", n-1), "shop-1.example")
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(edit(string(manyRoutes(n))))
			if bytes.Equal(data, manyRoutes(n)) != (name == "nothing wrong") {
				t.Fatal("nothing was edited")
			}
			type outcome struct {
				Problems Problems
				Hash     string
				Sources  []Explanation
				Files    []string
			}
			read := func(processors int) outcome {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
				s, problems := Parse("a.yaml", data, Options{Environ: []string{"HASH=$2a$10$mBOpuPID/bttbAFGhc.NkOQICTsJ9vuaN7IA4aawxJ/f4akbcpbZ2", "NUMBER=3"}})
				o := outcome{Problems: problems}
				if s != nil {
					o.Hash, o.Files = s.Hash, s.Files
					for _, i := range []int{0, 7, halvedFrom, halvedFrom + 1, n - 3, n - 1} {
						e, _ := s.Explain(fmt.Sprintf("routes.route-%05d", i))
						o.Sources = append(o.Sources, e)
					}
				}
				return o
			}
			if name == "variables and secrets" && read(2).Hash == "" {
				t.Fatal(read(2).Problems.Err())
			}
			if d := cmp.Diff(read(1), read(2), cmp.AllowUnexported(Problem{})); d != "" {
				t.Error(d)
			}
		})
	}
}
