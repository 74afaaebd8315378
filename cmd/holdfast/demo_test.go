package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
	"holdfast/internal/service"
)

// demoOutput is what the demo printed; a test waits for a part of it.
type demoOutput struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // holds a token after a write
}

func (o *demoOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *demoOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor waits until the output has part in it.
func (o *demoOutput) waitFor(ctx context.Context, part string) error {
	for !strings.Contains(o.String(), part) {
		select {
		case <-o.written:
		case <-ctx.Done():
			return fmt.Errorf("no %q in %q: %w", part, o, ctx.Err())
		}
	}
	return nil
}

// demoConsole is a console without flags whose output a test reads.
func demoConsole() (*console, *demoOutput) {
	out := &demoOutput{written: make(chan struct{}, 1)}
	return &console{in: strings.NewReader(""), out: out, err: io.Discard, name: "Holdfast"}, out
}

func TestDemoRunsItsConfigurationAndCleansUp(t *testing.T) {
	c, out := demoConsole()
	var dir string
	err := c.demo(t.Context(), demoFlags{}, func(ctx context.Context, id service.Identity) error {
		dir = id.DataDir()
		snapshot, problems := config.Load(config.Options{File: id.ConfigFile()})
		if snapshot == nil || len(problems) != 0 {
			t.Fatalf("its own configuration: %v", problems)
		}
		if _, err := os.Stat(filepath.Join(snapshot.Config.Routes["site"].FileServer.Root, "index.html")); err != nil {
			t.Errorf("the static site: %v", err)
		}
		// In place of the daemon, something that answers at the gateway's address.
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", snapshot.Config.Listeners["web"].Address)
		if err != nil {
			return err
		}
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		_ = server.Listener.Close()
		server.Listener = listener
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				http.NotFound(w, r)
			}
		})
		server.Start()
		defer server.Close()
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return out.waitFor(ctx, "Ctrl-C")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is running", dir + " status", "curl -X POST http://127.0.0.1:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestDemoThatNeverAnswersPromisesNothing(t *testing.T) {
	c, out := demoConsole()
	failure := errors.New("no luck")
	err := c.demo(t.Context(), demoFlags{}, func(context.Context, service.Identity) error { return failure })
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want the daemon's error", err)
	}
	if strings.Contains(out.String(), "is running") {
		t.Errorf("printed that it runs:\n%s", out)
	}
}

func TestDemoPortTaken(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	c, _ := demoConsole()
	number, _ := strconv.Atoi(port)
	err = c.demo(t.Context(), demoFlags{managementPort: number}, func(context.Context, service.Identity) error {
		t.Error("the daemon was started")
		return nil
	})
	want := []string{"port " + port + " is taken", "--management-port 0"}
	if runtime.GOOS == "linux" {
		want = append(want, "process "+strconv.Itoa(os.Getpid()))
	}
	for _, part := range want {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want it to say %q", err, part)
		}
	}
}

func TestDemoPortOutOfRange(t *testing.T) {
	c, _ := demoConsole()
	err := c.demo(t.Context(), demoFlags{port: 70000}, nil)
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestYAMLQuote(t *testing.T) {
	for _, path := range []string{`C:\Program Files\it's\hf.exe`, `/opt/${app}/hf`, `/tmp/a b`} {
		var got string
		if err := yaml.Unmarshal([]byte(yamlQuote(path)), &got); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if diff := cmp.Diff(path, config.Expand(got, config.Values{App: "x"})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestDemoAppNeedsAPort(t *testing.T) {
	t.Setenv("PORT", "")
	c, _ := demoConsole()
	cmd := newDemoAppCommand(c)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs([]string{})
	err := cmd.ExecuteContext(t.Context())
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}
