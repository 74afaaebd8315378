//go:build unix

package api

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// endpointIn is a socket in a folder that does not exist yet.
func endpointIn(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hf") //nolint:usetesting // t.TempDir's paths can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "holdfast.sock")
}

func TestListenKeepsOthersOut(t *testing.T) {
	endpoint := endpointIn(t)
	listen(t, endpoint)
	for path, want := range map[string]fs.FileMode{
		filepath.Dir(endpoint): 0o700 | fs.ModeDir,
		endpoint:               0o600 | fs.ModeSocket,
		endpoint + ".lock":     0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestListenRefusesAFolderOthersCanWrite(t *testing.T) {
	endpoint := endpointIn(t)
	if err := os.MkdirAll(filepath.Dir(endpoint), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(endpoint), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), endpoint, "Holdfast", nil); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("error %v, want the cure", err)
	}
}

func TestCloseRemovesTheSocket(t *testing.T) {
	endpoint := endpointIn(t)
	if err := listen(t, endpoint).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(endpoint); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a closed server leaves its socket: %v", err)
	}
}

// TestListenRace starts many at once: one wins, the others are told why they do not.
func TestListenRace(t *testing.T) {
	endpoint := endpointIn(t)
	leaveStale(t, endpoint)
	listeners := make([]net.Listener, 8)
	errs := make([]error, len(listeners))
	var starting sync.WaitGroup
	for i := range listeners {
		starting.Go(func() { listeners[i], errs[i] = Listen(t.Context(), endpoint, "Holdfast", nil) })
	}
	starting.Wait()
	won := 0
	for i, l := range listeners {
		switch {
		case errs[i] == nil:
			won++
			defer func() { _ = l.Close() }()
		case !errors.Is(errs[i], ErrInUse):
			t.Errorf("%v, want ErrInUse", errs[i])
		}
	}
	if won != 1 {
		t.Errorf("%d serve one endpoint", won)
	}
	if conn, err := dialLocal(t.Context(), endpoint); err != nil {
		t.Errorf("the winner cannot be reached: %v", err)
	} else {
		_ = conn.Close()
	}
}

// leaveStale leaves a socket as a killed process does.
func leaveStale(t *testing.T, endpoint string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(endpoint), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: endpoint, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenReplacesAStaleSocket(t *testing.T) {
	endpoint := endpointIn(t)
	leaveStale(t, endpoint)
	listen(t, endpoint)
	conn, err := dialLocal(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestListenKeepsWhatIsNotASocket(t *testing.T) {
	endpoint := endpointIn(t)
	if err := os.MkdirAll(filepath.Dir(endpoint), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(endpoint, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), endpoint, "Holdfast", nil); err == nil {
		t.Error("a file was taken for a stale socket")
	}
	if data, err := os.ReadFile(endpoint); string(data) != "precious" {
		t.Errorf("the file is %q, %v", data, err)
	}
}

// TestListenKeepsASocketThatAnswers is about a server that knows nothing of our lock.
func TestListenKeepsASocketThatAnswers(t *testing.T) {
	endpoint := endpointIn(t)
	if err := os.MkdirAll(filepath.Dir(endpoint), 0o700); err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	other, err := config.Listen(t.Context(), "unix", endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if _, err := Listen(t.Context(), endpoint, "Holdfast", nil); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
}

func TestListenLongPath(t *testing.T) {
	_, err := Listen(t.Context(), "/"+strings.Repeat("a", maxSocketPath), "Holdfast", nil)
	if err == nil || !strings.Contains(err.Error(), "shorter data folder") {
		t.Errorf("error %v, want the cure", err)
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	endpoint := endpointIn(t)
	core, logs := observer.New(zapcore.WarnLevel)
	l, err := Listen(t.Context(), endpoint, "Holdfast", zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	local, ok := l.(*localListener)
	if !ok {
		t.Fatalf("listener is a %T", l)
	}
	strange := true
	local.admit = func(conn net.Conn) error {
		if strange {
			strange = false
			return errors.New("process 7 runs as user 1000")
		}
		return admit(conn)
	}
	first, err := dialLocal(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	second, err := dialLocal(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	accepted, err := l.Accept() // passes the stranger over
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the stranger's connection is open")
	}
	if logs.Len() != 1 {
		t.Errorf("%d log lines about a stranger, want 1", logs.Len())
	}
}

func TestDialErrors(t *testing.T) {
	endpoint := endpointIn(t)
	if _, err := Dial(endpoint).Service(t.Context()); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), endpoint) {
		t.Errorf("no socket: %v, want ErrNotRunning", err)
	}
	leaveStale(t, endpoint)
	if _, err := Dial(endpoint).Service(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stale socket: %v, want ErrNotRunning", err)
	}
	for _, err := range []error{syscall.EACCES, syscall.EPERM, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}} {
		if got := dialError(endpoint, err); !errors.Is(got, ErrDenied) {
			t.Errorf("%v becomes %v, want ErrDenied", err, got)
		}
	}
}
