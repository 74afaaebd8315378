// Command tally reads `go test -json` on stdin, shows it for a person (one line per package,
// everything about a failure) and adds one line "part passed failed" to a file, so that build/test
// can sum all parts up.
//
//	go test -json ./... | tally -part unit -counts build/out/test/counts
//
// A skipped test counts as failed: CI installs what a test needs, and a check that does not run
// proves nothing.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run returns 0 when every test passed, 1 when one did not, and 2 for a mistake in its use.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(stderr)
	part := flags.String("part", "", "name of the part (required)")
	counts := flags.String("counts", "", "file to which the counts are added (required)")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *part == "" || *counts == "" || flags.NArg() != 0 {
		flags.Usage()
		return 2
	}
	result, err := tally(stdin, stdout)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "tally: %v\n", err)
		result.failed++
	}
	if result.passed+result.failed == 0 {
		_, _ = fmt.Fprintf(stderr, "tally: part %s ran no test\n", *part)
		result.failed++
	}
	if err := add(*counts, *part, result); err != nil {
		_, _ = fmt.Fprintf(stderr, "tally: %v\n", err)
		return 1
	}
	if result.failed > 0 {
		return 1
	}
	return 0
}

// add appends the counts of one part.
func add(file, part string, c count) (err error) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the file that the caller names
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	_, err = fmt.Fprintf(f, "%s %d %d\n", part, c.passed, c.failed)
	return err
}
