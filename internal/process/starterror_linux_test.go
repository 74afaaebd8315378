package process

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStartErrors(t *testing.T) {
	dir := tempDir(t)
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("plain.py", "print()\n", 0o600)
	write("plain.mjs", "1\n", 0o600)
	write("script", "no interpreter\n", 0o700)
	write("lost", "#!/no/such/python3\n", 0o700)
	write("dos", "#!/bin/sh\r\nexit\r\n", 0o700)
	write("prog.exe", "MZ\x90\x00", 0o700)
	write("foreign", string(foreignELF()), 0o700)
	write("musl", string(musl(t)), 0o700)

	l := launch(t)
	path := "PATH=/nowhere:.:" + dir
	for _, tt := range []struct {
		name string
		spec Spec
		kind StartKind
		want string // %D stands for dir
	}{
		{"empty command", Spec{}, StartArguments, "command is empty"},
		{"NUL", Spec{Command: []string{"sh", "a\x00b"}}, StartArguments, `argument "a\x00b" holds a NUL character`},
		{"NUL in env", Spec{Command: []string{"sh"}, Env: []string{"A=\x00"}}, StartArguments, "env A holds a NUL character"},
		{"too long", Spec{Command: []string{"/bin/true", strings.Repeat("x", 4<<20)}}, StartArguments, "argument 1 of command has 4194304 characters, and this system allows 131072"},
		{"variable too long", Spec{Command: []string{"/bin/true"}, Env: []string{"A=1", "BIG=" + strings.Repeat("x", 4<<20)}}, StartArguments, "env BIG has 4194308 characters"},
		{"too long together", Spec{Command: append([]string{"/bin/true"}, slices.Repeat([]string{strings.Repeat("x", 100<<10)}, 100)...)}, StartArguments, "together are too long for this system"},
		{"Node's script", Spec{Command: []string{"./plain.mjs"}}, StartNotExecutable, "or write its interpreter first (command: [node, plain.mjs])"},
		{"no directory", Spec{Command: []string{"/bin/true"}, Dir: "/no/such"}, StartDirectory, "directory /no/such does not exist; create it"},
		{"directory is a file", Spec{Command: []string{"/bin/true"}, Dir: dir + "/script"}, StartDirectory, "directory %D/script is not a folder"},
		{"not in PATH", Spec{Command: []string{"nosuch"}, Env: []string{path}}, StartNotFound, `program "nosuch" is in none of the folders of PATH (/nowhere:.:%D)`},
		{"a whole line", Spec{Command: []string{"node server.js"}, Env: []string{path}}, StartNotFound, `program "node server.js" is in none of the folders of PATH; every argument is an entry of its own: [node, server.js]`},
		{"only in the working directory", Spec{Command: []string{"script"}, Env: []string{"PATH=:."}}, StartNotFound, "if you mean the one in %D, write ./script"},
		{"no PATH", Spec{Command: []string{"sh"}, Env: []string{"A=1"}}, StartNotFound, "the environment has no PATH"},
		{"missing", Spec{Command: []string{"/no/such"}}, StartNotFound, "/no/such does not exist; install the program or correct the path"},
		{"missing, relative", Spec{Command: []string{"./nosuch"}}, StartNotFound, "%D/./nosuch does not exist"},
		{"not executable", Spec{Command: []string{"./plain.py"}}, StartNotExecutable, "%D/./plain.py is not executable; chmod +x %D/./plain.py, or write its interpreter first (command: [python3, plain.py])"},
		{"not executable, in PATH", Spec{Command: []string{"plain.py"}, Env: []string{path}}, StartNotExecutable, "%D/plain.py is not executable; chmod +x"},
		{"a folder", Spec{Command: []string{dir}}, StartNotExecutable, "%D is a folder; name the program in it"},
		{"script without interpreter", Spec{Command: []string{"./script"}}, StartNotExecutable, "exec format error: it is no program of this system; a script needs a first line such as #!/bin/sh"},
		{"interpreter missing", Spec{Command: []string{"./lost"}}, StartNotFound, "names /no/such/python3 in its first line as its interpreter, which does not exist"},
		{"line end of Windows", Spec{Command: []string{"./dos"}}, StartNotFound, `names "/bin/sh\r" in its first line`},
		{"program of Windows", Spec{Command: []string{"./prog.exe"}}, StartNotExecutable, "exec format error: it is a Windows program"},
		{"another processor", Spec{Command: []string{"./foreign"}}, StartNotExecutable, "exec format error: it is built for S390 and this machine is " + runtime.GOARCH},
		{"another libc", Spec{Command: []string{"./musl"}}, StartNotFound, "needs the loader /lib/no-such-musl.so.1, which does not exist; it was built for another distribution"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.spec
			s.ID = "shop-1"
			if s.Dir == "" {
				s.Dir = dir
			}
			if s.Env == nil {
				s.Env = os.Environ()
			}
			o := output(t)
			s.Output = o
			c, err := l.Start(s)
			if c != nil {
				_ = c.Close()
			}
			var se *StartError
			if !errors.As(err, &se) {
				t.Fatalf("error %v", err)
			}
			want := strings.ReplaceAll(tt.want, "%D", dir)
			if se.Kind != tt.kind || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `instance "shop-1": start: `) {
				t.Errorf("%s: %v\nwant %s: ... %s", se.Kind, err, tt.kind, want)
			}
		})
	}
}

// TestClosedDirectory looks as an account that may not enter the working directory.
func TestClosedDirectory(t *testing.T) {
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread ends with its other eyes
		if os.Geteuid() == 0 {
			if err := unix.Setfsuid(65534); err != nil {
				done <- err
				return
			}
		}
		_, err := locate(Spec{ID: "shop-1", Command: []string{"/bin/true"}, Dir: dir})
		done <- err
	}()
	err := <-done
	if err == nil || !strings.Contains(err.Error(), "directory "+dir+": access denied") {
		t.Errorf("error %v", err)
	}
}

// foreignELF is the header of a program for another processor.
func foreignELF() []byte {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x02\x01")
	be := binary.BigEndian
	be.PutUint16(b[16:], 2)  // ET_EXEC
	be.PutUint16(b[18:], 22) // EM_S390
	be.PutUint32(b[20:], 1)
	be.PutUint16(b[52:], 64)
	return b
}

// musl is a program for this processor with a loader that does not exist.
func musl(t *testing.T) []byte {
	t.Helper()
	exe, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	loader := elfLoader("/bin/true")
	if loader == "" {
		t.Fatal("/bin/true is not dynamic")
	}
	name := "/lib/no-such-musl.so.1"
	if len(name) > len(loader) {
		t.Fatalf("loader %s is too short to replace", loader)
	}
	return []byte(strings.Replace(string(exe), loader, name+strings.Repeat("\x00", len(loader)-len(name)), 1))
}

// TestNoDescriptorLeft runs in a process of its own, since the limit is the process's.
func TestNoDescriptorLeft(t *testing.T) {
	out, err := command(t, "starved").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "start failed: resources") || !strings.Contains(string(out), "no file descriptor is left") || !strings.Contains(string(out), "killed") {
		t.Errorf("%v: %s", err, out)
	}
}

func starved() int {
	say := func(s string) { _, _ = os.Stdout.WriteString(s + "\n") }
	l := NewLauncher(LauncherOptions{Owner: "starved"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = l.Run(ctx) }()
	exe, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	c, err := l.Start(Spec{ID: "x-1", Command: []string{exe, "as", "wait"}, Dir: "/", Env: os.Environ(), Output: NewOutput(OutputOptions{})})
	if err != nil {
		return fail(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fail(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(len(fds)), Max: 1 << 10}); err != nil {
		return fail(err)
	}
	for fd, err := unix.Dup(0); err == nil; fd, err = unix.Dup(0) {
		_ = fd // held
	}
	_, err = l.Start(Spec{ID: "x-2", Command: []string{exe, "as", "wait"}, Dir: "/", Env: os.Environ(), Output: NewOutput(OutputOptions{})})
	var se *StartError
	if errors.As(err, &se) {
		say("start failed: " + string(se.Kind) + ": " + se.Text)
	}
	c.Kill()
	<-c.Done()
	say(c.Exit().Text)
	return 0
}
