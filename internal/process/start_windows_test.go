package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestStartErrors(t *testing.T) {
	dir := tempDir(t)
	for name, text := range map[string]string{"text.exe": "no program\n", "run.cmd": "@exit /b 0\r\n", "hello.py": "print()\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := launch(t)
	path := "PATH=C:\\nowhere;.;" + dir
	for _, tt := range []struct {
		name string
		spec Spec
		kind StartKind
		want string // %D stands for dir
	}{
		{"empty command", Spec{}, StartArguments, "command is empty"},
		{"NUL", Spec{Command: []string{"cmd", "a\x00b"}}, StartArguments, "holds a NUL character"},
		{"too long", Spec{Command: []string{self(t, "x")[0], strings.Repeat("x", 40000)}}, StartArguments, "32767 characters"},
		{"no directory", Spec{Command: []string{`C:\windows\system32\cmd.exe`}, Dir: `C:\no\such`}, StartDirectory, `directory C:\no\such does not exist; create it`},
		{"not in PATH", Spec{Command: []string{"nosuch"}, Env: []string{path}}, StartNotFound, `program "nosuch" is in none of the folders of PATH (C:\nowhere;.;%D)`},
		{"a whole line", Spec{Command: []string{"node server.js"}, Env: []string{path}}, StartNotFound, `program "node server.js" is in none of the folders of PATH; every argument is an entry of its own: [node, server.js]`},
		{"only in the working directory", Spec{Command: []string{"text.exe"}, Env: []string{"PATH=."}}, StartNotFound, `if you mean the one in %D, write .\text.exe`},
		{"no PATH", Spec{Command: []string{"cmd"}, Env: []string{"A=1"}}, StartNotFound, "the environment has no PATH"},
		{"missing", Spec{Command: []string{`C:\no\such.exe`}}, StartNotFound, `C:\no\such.exe does not exist; install the program or correct the path`},
		{"drive's directory", Spec{Command: []string{`C:such.exe`}}, StartNotFound, "write its full path"},
		{"a folder", Spec{Command: []string{dir}}, StartNotExecutable, "%D is a folder; name the program in it"},
		{"no program", Spec{Command: []string{`.\text.exe`}}, StartNotExecutable, "is not a program of Windows; a script needs its interpreter first"},
		{"a script", Spec{Command: []string{`.\hello.py`}}, StartNotExecutable, "is not a program of Windows; a script needs its interpreter first in command (command: [python, hello.py])"},
		{"batch with a variable", Spec{Command: []string{`.\run.cmd`, "%PATH%"}}, StartArguments, "which cmd.exe would interpret"},
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
			s.Output = output(t)
			c, err := l.Start(s)
			if c != nil {
				_ = c.Close()
			}
			var se *StartError
			if !errors.As(err, &se) {
				t.Fatalf("error %v", err)
			}
			want := strings.ReplaceAll(tt.want, "%D", dir)
			if se.Kind != tt.kind || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s: ... %s", se.Kind, err, tt.kind, want)
			}
		})
	}
}

func TestProgramIsFoundByExtension(t *testing.T) {
	dir := tempDir(t)
	for _, name := range []string{"a.cmd", "a.exe", "b.bat"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"a": "a.exe", "b": "b.bat", "A.CMD": "a.cmd"} {
		got, err := locate(Spec{ID: "x-1", Command: []string{name}, Dir: dir, Env: []string{`path=relative;` + dir}})
		if err != nil || !strings.EqualFold(got, filepath.Join(dir, want)) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// TestBothWaysIntoAJob starts a process by the attribute and, as on a system without it, suspended.
func TestBothWaysIntoAJob(t *testing.T) {
	for name, start := range map[string]func(creation) (windows.ProcessInformation, error){
		"at creation": creation.run,
		"suspended":   creation.suspended,
	} {
		t.Run(name, func(t *testing.T) {
			j, _, err := newJob(windowsJobs{}, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			argv := self(t, "stubborn")
			cr := creation{app: argv[0], line: windows.ComposeCommandLine(argv), dir: tempDir(t), env: environment(os.Environ(), os.Getenv("SYSTEMROOT")), job: j}
			for i, access := range []uint32{windows.GENERIC_READ, windows.GENERIC_WRITE, windows.GENERIC_WRITE} {
				if cr.std[i], err = null(access); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = windows.CloseHandle(cr.std[i]) }()
			}
			pi, err := start(cr)
			if err != nil {
				t.Fatal(err)
			}
			_ = windows.CloseHandle(pi.Thread)
			defer func() { _ = windows.CloseHandle(pi.Process) }()
			if in, err := inJob(pi.Process, j); err != nil || !in {
				t.Errorf("in its job: %t, %v", in, err)
			}
			j.close() // as the kernel does for a killed Holdfast
			if r, err := windows.WaitForSingleObject(pi.Process, uint32(patience.Milliseconds())); err != nil || r != windows.WAIT_OBJECT_0 {
				t.Errorf("the process outlives its job: %d, %v", r, err)
			}
		})
	}
}

func TestReaderWithoutSharingIsNoObstacle(t *testing.T) {
	path := filepath.Join(tempDir(t), "x.log")
	r := newRotated(path, limits{8, 1})
	if _, err := r.write([]byte("first\n")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path) // shares reading and writing, not deletion
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.write([]byte("second\nthird\n")); n != 2 || err != nil {
		t.Errorf("with a reader: %d lines, %v", n, err)
	}
	_ = f.Close()
	if err := r.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
