package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"
)

const noRaceSleep = "atexit_sleep_ms=0"

// The test binary is the child, too: <binary> as ROLE [ARG...].
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "as" {
		os.Exit(role(os.Args[2], os.Args[3:])) //nolint:forbidigo // it is the main of a helper program
	}
	// The race detector's own habit of sleeping for a second at exit would add up in the helpers.
	_ = os.Setenv("GORACE", noRaceSleep)
	goleak.VerifyTestMain(m)
}

func role(name string, args []string) int {
	switch name {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "say": // each argument a line; the last one without an end
		_, _ = fmt.Fprint(os.Stdout, strings.Join(args, "\n"))
		return 0
	case "env":
		for _, kv := range os.Environ() {
			_, _ = fmt.Fprintln(os.Stdout, kv)
		}
		return 0
	case "args":
		for _, a := range args {
			_, _ = fmt.Fprintf(os.Stdout, "%q\n", a)
		}
		return 0
	case "wait": // for a signal, for ever
		_, _ = fmt.Fprintln(os.Stdout, "up")
		forever()
	case "polite": // ends at the first signal
		c := make(chan os.Signal, 1)
		signal.Notify(c, stopSignals()...)
		_, _ = fmt.Fprintln(os.Stdout, "up")
		_, _ = fmt.Fprintf(os.Stdout, "got %v\n", <-c)
		return 7
	case "stubborn": // hears nothing
		signal.Notify(make(chan os.Signal, 1), stopSignals()...) // Ignore does not reach Ctrl-C
		_, _ = fmt.Fprintln(os.Stdout, "up")
		forever()
	case "reader": // of standard input, to its end
		_, _ = fmt.Fprintln(os.Stdout, "up")
		n, _ := io.Copy(io.Discard, os.Stdin)
		_, _ = fmt.Fprintf(os.Stdout, "read %d\n", n)
		return 3
	case "flood": // so many MiB of lines of 100 bytes
		mib, _ := strconv.Atoi(args[0])
		w := bufio.NewWriterSize(os.Stdout, 64<<10)
		line := []byte(strings.Repeat("x", 99) + "\n")
		for range mib << 20 / len(line) {
			_, _ = w.Write(line)
		}
		_ = w.Flush()
		return 0
	case "use": // MIB MILLISECONDS 1 (by a child)|0 [end]
		mib, _ := strconv.Atoi(args[0])
		ms, _ := strconv.Atoi(args[1])
		use(mib, time.Duration(ms)*time.Millisecond, args[2] == "1")
		_, _ = fmt.Fprintln(os.Stdout, "used")
		if len(args) < 4 {
			forever()
		}
	case "holder": // leaves a child behind that holds stdout
		if err := again(false, "wait", args...).Start(); err != nil {
			return fail(err)
		}
		_, _ = fmt.Fprintln(os.Stderr, "leaving")
		return 5
	default:
		return systemRole(name, args)
	}
	return 0
}

// use takes memory and processor time, the latter perhaps in a child.
func use(mib int, burn time.Duration, child bool) {
	for range mib {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 1024 {
			block[i] = 1
		}
		held = append(held, block)
	}
	if child {
		_ = again(true, "use", "0", strconv.FormatInt(burn.Milliseconds(), 10), "0", "end").Run()
		return
	}
	for processorTime() < burn {
	}
}

// held is what use has taken.
var held [][]byte

// forever is not select{}, which the runtime takes for a deadlock.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func fail(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "helper:", err)
	return 99
}

// again is this binary in another role, with our own stdout unless it is to be quiet.
func again(quiet bool, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"as", name}, args...)...)
	if !quiet {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	}
	return cmd
}

// self is this binary in a role, as a Spec's command.
func self(t *testing.T, name string, args ...string) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{exe, "as", name}, args...)
}

// launch runs a Launcher for the length of a test.
func launch(t *testing.T) *Launcher {
	t.Helper()
	l := NewLauncher(LauncherOptions{Owner: t.Name(), Helper: self(t, "ctrl"), Log: zaptest.NewLogger(t)})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return l
}

func output(t *testing.T) *Output {
	t.Helper()
	o := NewOutput(OutputOptions{Path: filepath.Join(tempDir(t), "shop-1.log"), Instance: "shop-1"})
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("close output: %v", err)
		}
	})
	return o
}

func start(t *testing.T, l *Launcher, s Spec) *Child {
	t.Helper()
	if s.ID == "" {
		s.ID = "shop-1"
	}
	if s.Dir == "" {
		s.Dir = tempDir(t)
	}
	if s.Env == nil {
		s.Env = os.Environ()
	}
	c, err := l.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close child: %v", err)
		}
	})
	return c
}

// tempDir is t.TempDir, but cleaned with os.Remove: os.RemoveAll fails under Wine 8, which lacks
// FileDispositionInformationEx.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "process") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
			all = append(all, path)
			return nil
		})
		for _, path := range slices.Backward(all) {
			if err := os.Remove(path); err != nil {
				t.Errorf("clean up: %v", err)
			}
		}
	})
	return dir
}

// patience is for what never takes that long.
const patience = 30 * time.Second

// until looks for something that no channel tells of.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("waited %s for: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func waitDone(t *testing.T, c *Child) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatalf("the child did not end")
	}
}

// waitLine waits until the output has this line.
func waitLine(t *testing.T, o *Output, text string) {
	t.Helper()
	until(t, fmt.Sprintf("line %q", text), func() bool { return slices.Contains(texts(o), text) })
}

func texts(o *Output) []string {
	var all []string
	for _, l := range o.Tail(tailLines) {
		all = append(all, l.Text)
	}
	return all
}

func strconvQuote(s string) string { return fmt.Sprintf("%q", s) }
