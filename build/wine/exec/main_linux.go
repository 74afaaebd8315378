// Command exec runs one Windows program in a Wine prefix of its own and exits with its code. It is
// what `go test -exec` needs for the tests of rooms that call Windows:
//
//	GOOS=windows go test -exec "go run ./build/wine/exec" ./internal/service
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"holdfast/build/wine"
)

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) < 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: exec PROGRAM [ARGUMENT...]")
		return 2
	}
	// go test sends SIGQUIT to a test that takes too long; the prefix must end then, too.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	defer stop()
	cache := os.Getenv("HOLDFAST_WINE_CACHE")
	if cache == "" {
		root, err := moduleRoot()
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
		cache = filepath.Join(root, "build", "out", "wine")
	}
	dir, err := os.MkdirTemp("", "holdfast-wine-")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	p, err := wine.New(ctx, cache, filepath.Join(dir, "prefix"))
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer p.Close() //nolint:errcheck // the program's own result is what counts
	cmd := p.Command(ctx, os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
}

// moduleRoot is the nearest folder above this one with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above this folder")
		}
		dir = filepath.Dir(dir)
	}
}
