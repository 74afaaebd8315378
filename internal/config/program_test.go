package config

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// elfHead is the beginning of a program of Linux for a processor.
func elfHead(machine uint16, order binary.ByteOrder) string {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	if order == binary.BigEndian {
		b[5] = 2
	}
	order.PutUint16(b[18:], machine)
	return string(b)
}

// peHead is the beginning of a program of Windows for a processor.
func peHead(machine uint16) string {
	b := make([]byte, 256)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 128)
	copy(b[128:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[132:], machine)
	return string(b)
}

func TestProgramFault(t *testing.T) {
	const linux, windows = "linux/amd64", "windows/amd64"
	little, big := binary.LittleEndian, binary.BigEndian
	for _, tt := range []struct {
		name, machine, path, head string
		want                      string // of message and hint; empty: nothing
	}{
		{"own build", linux, "/a/b", elfHead(62, little), ""},
		{"32-bit sibling", linux, "/a/b", elfHead(3, little), ""},
		{"another processor", linux, "/a/b", elfHead(183, little), "is built for arm64, and this machine is amd64; install the build for this machine"},
		{"another order of bytes", linux, "/a/b", elfHead(22, big), "is built for s390, and this machine is amd64"},
		{"amd64 on ARM", "linux/arm64", "/a/b", elfHead(62, little), "is built for amd64, and this machine is arm64"},
		{"unknown machine of ours", "linux/loong64", "/a/b", elfHead(62, little), ""},
		{"cut off", linux, "/a/b", "\x7fELF\x02", "is damaged"},
		{"Windows program", linux, "/a/b.exe", peHead(peAMD64), "is a program of Windows; install the build for this machine"},
		{"library of .NET", linux, "/a/b.dll", peHead(pe386), "is a library; write command: [dotnet, /a/b.dll, ...]"},
		{"Linux program", windows, `C:\a\b`, elfHead(62, little), "is a program of Linux; install the build for Windows"},
		{"Windows on Windows", windows, `C:\a\b.exe`, peHead(peAMD64), ""},
		{"32 bits on Windows", windows, `C:\a\b.exe`, peHead(pe386), ""},
		{"ARM on amd64", windows, `C:\a\b.exe`, peHead(peARM64), "is built for arm64, and this machine is amd64"},
		{"amd64 on ARM, emulated", "windows/arm64", `C:\a\b.exe`, peHead(peAMD64), ""},
		{"amd64 on 32 bits", "windows/386", `C:\a\b.exe`, peHead(peAMD64), "is built for amd64, and this machine is 386"},
		{"far header", windows, `C:\a\b.exe`, peHead(peAMD64)[:130], ""},
		{"cut off PE", windows, `C:\a\b.exe`, "MZ", "is damaged"},
		{"library on Windows", windows, `C:\a b\c.DLL`, peHead(pe386), `write command: [dotnet, 'C:\a b\c.DLL', ...]`},

		{"script", linux, "/a/b.sh", "#!/bin/sh\nexit\n", ""},
		{"script with an argument", linux, "/a/b", "#! /usr/bin/env python3\n", ""},
		{"without a line end", linux, "/a/b", "#!/bin/sh", ""},
		{"lost interpreter", linux, "/a/b", "#!/no/such/python3\n", "names the interpreter /no/such/python3 in its first line, which is not there; install it"},
		{"saved on Windows", linux, "/a/b.sh", "#!/bin/sh\r\nexit\r\n", `ends its first line as Windows does, so that its interpreter is not found; convert it: sed -i 's/\r$//' /a/b.sh`},
		{"no interpreter", linux, "/a/b.sh", "#!\n", "names no interpreter in its first line"},
		{"without a first line", linux, "/a/serve", "echo hello\n", "is a script that does not name its interpreter; begin it with a line such as #!/bin/sh, or put the interpreter before it: [sh, /a/serve]"},
		{"empty", linux, "/a/serve", "", "is empty"},
		{"batch file", linux, "/a/run.CMD", "@exit\r\n", "is a batch file of Windows"},
		{"Python", linux, "/a/app.py", "print()\n", "is not a program but needs one to run it; write command: [python3, /a/app.py, ...]"},
		{"Node", linux, "/a/server.mjs", "listen()\n", "[node, /a/server.mjs, ...]"},
		{"Java", linux, "/a/shop.jar", "PK\x03\x04", "[java, -jar, /a/shop.jar, ...]"},

		{"batch file on Windows", windows, `C:\a\run.bat`, "@exit\r\n", ""},
		{"COM file", windows, `C:\a\run.com`, "\xe9", ""},
		{"Python on Windows", windows, `C:\a\app.py`, "#!/usr/bin/python3\n", `write command: [python, 'C:\a\app.py', ...]`},
		{"shell script on Windows", windows, `C:\a\run.sh`, "#!/bin/sh\n", `['C:\Program Files\Git\bin\sh.exe', 'C:\a\run.sh', ...]`},
		{"PowerShell on Windows", windows, `C:\a\run.ps1`, "Get-Date\n", `[powershell, -NoProfile, -File, 'C:\a\run.ps1', ...]`},
		{"PowerShell on Linux", linux, "/a/run.ps1", "Get-Date\n", "[pwsh, -File, /a/run.ps1, ...]"},
		{"text", windows, `C:\a\serve`, "hello\n", "is not a program of Windows; name an .exe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(tt.machine, "/")
			p := programFile{tt.path, []byte(tt.head), goos, goarch, func(path string) bool { return path == "/bin/sh" || path == "/usr/bin/env" }}
			message, hint := p.fault()
			if got := message + "; " + hint; (message == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzProgramFault(f *testing.F) {
	for _, head := range []string{elfHead(62, binary.LittleEndian), peHead(peAMD64), "#!/bin/sh\r\n", "MZ" + strings.Repeat("\xff", 64)} {
		f.Add([]byte(head), "x.py")
	}
	f.Fuzz(func(t *testing.T, head []byte, path string) {
		for _, goos := range []string{"linux", "windows"} {
			p := programFile{path, head, goos, "amd64", func(string) bool { return true }}
			if message, hint := p.fault(); (message == "") != (hint == "") {
				t.Errorf("%s: %q, %q", goos, message, hint)
			}
		}
	})
}

func TestBatchArgument(t *testing.T) {
	for arg, want := range map[string]bool{"--port=${port}": false, "C:\\a b": false, "a&b": true, "%PATH%": true, "$(x)": true, "${app}-${instance}": false} {
		if n, bad := batchArgument([]string{"plain", arg}); bad != want || bad && n != 2 {
			t.Errorf("%s: %d %v, want %v", arg, n, bad, want)
		}
	}
}

// TestStartable checks real files.
func TestStartable(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good": "#!/bin/sh\n", "dos.sh": "#!/bin/sh\r\n", "app.py": "print()\n", "foreign": elfHead(22, binary.BigEndian), "in path.js": "x\n", "plain": "#!/bin/sh\n",
	} {
		write(t, filepath.Join(dir, name), text)
		mode := os.FileMode(0o700)
		if name == "plain" || name == "app.py" {
			mode = 0o600
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	told := rendered(t, Check("x.yaml", []byte(`
version: 1
apps:
  good: {command: [./good]}
  dos: {command: [./dos.sh]}
  py: {command: [./app.py]}
  foreign: {command: [foreign]}
  js: {command: ["in path.js"]}
  plain: {command: [plain]}
  long: {command: [good], env: {BIG: "`+strings.Repeat("hunter2", 20000)+`"}}
  nul: {command: [good], env: {ZERO: "hunter2\0"}}
`), Options{File: filepath.Join(dir, "x.yaml"), Environ: []string{"PATH=" + dir}}))
	for _, want := range []string{
		"dos.sh ends its first line as Windows does", "app.py is not executable", "or put its interpreter before it: [python3, " + dir + "/app.py]",
		"foreign is built for s390, and this machine is " + runtime.GOARCH, "in path.js is not a program but needs one to run it",
		"plain is not executable", "env: BIG has 140000 characters, and the system allows 131072", "env: the value of ZERO holds a NUL character",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("not told: %s", want)
		}
	}
	if n := strings.Count(told, codeProgram); n != 6 || strings.Contains(told, "hunter2") || strings.Contains(told, dir+"/good") {
		t.Errorf("%d warnings of programs, want 6; told:\n%.4000s", n, told)
	}
}

// TestProblemsDriveNoTerminal has what a terminal obeys in every part of a problem.
func TestProblemsDriveNoTerminal(t *testing.T) {
	const evil = "a\x1b]0;b\x07\u009b2Jc"
	p := Problem{Message: evil, Hint: evil, File: evil, Line: 1, Column: 1, Snippet: &Snippet{FirstLine: 1, Lines: []string{evil}, Width: 1}}
	if text := rendered(t, Problems{p}); strings.ContainsAny(text, "\x1b\x07\u009b") || strings.Count(text, "a\uFFFD]0;b\uFFFD\uFFFD2Jc") != 4 {
		t.Errorf("rendered %q", text)
	}
}
