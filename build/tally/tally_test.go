package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	for name, tt := range map[string]struct {
		in             []string
		passed, failed int
		shows          string
	}{
		"a pass": {
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Elapsed":1.5}`,
			},
			passed: 1, shows: "1.5 s",
		},
		"a failure with its output": {
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"got 1, want 2\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			failed: 1, shows: "got 1, want 2",
		},
		"a skip is a failure": {
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"no chromium\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			failed: 1, shows: "no chromium",
		},
		"a package that fails without a failed test": {
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"goleak: found unexpected goroutines\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			passed: 1, failed: 1, shows: "goleak",
		},
		"a build that fails": {
			in: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"x.go:1: undefined: y\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			},
			failed: 1, shows: "undefined: y",
		},
		"a process that dies": {
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"signal: killed\n"}`,
			},
			failed: 1, shows: "signal: killed",
		},
		"no test files":    {in: []string{`{"Action":"skip","Package":"p"}`}},
		"not JSON at all":  {in: []string{"go: cannot find main module"}, shows: "cannot find main module"},
		"an unknown field": {in: []string{`{"Action":"attr","Package":"p","Key":"k"}`, `{"Action":"skip","Package":"p"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			got, err := tally(strings.NewReader(strings.Join(tt.in, "\n")+"\n"), &out)
			if err != nil {
				t.Fatal(err)
			}
			if got.passed != tt.passed || got.failed != tt.failed {
				t.Errorf("got %d passed %d failed, want %d and %d", got.passed, got.failed, tt.passed, tt.failed)
			}
			if !strings.Contains(out.String(), tt.shows) {
				t.Errorf("shows %q, want %q in it", out.String(), tt.shows)
			}
		})
	}
}

func TestRunThatRanNothingFails(t *testing.T) {
	counts := filepath.Join(t.TempDir(), "counts")
	var out bytes.Buffer
	if code := run([]string{"-part", "unit", "-counts", counts}, strings.NewReader(""), &out, &out); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	got, err := os.ReadFile(counts)
	if err != nil || string(got) != "unit 0 1\n" {
		t.Errorf("counts %q %v, want one failure", got, err)
	}
}

func TestUsage(t *testing.T) {
	var out bytes.Buffer
	if code := run(nil, strings.NewReader(""), &out, &out); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}

func FuzzTally(f *testing.F) {
	f.Add(`{"Action":"run","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"p"}`)
	f.Fuzz(func(t *testing.T, in string) {
		var out bytes.Buffer
		got, err := tally(strings.NewReader(in), &out)
		if err != nil || got.passed < 0 || got.failed < 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}
