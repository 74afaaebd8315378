package process

import (
	"strings"
	"testing"
)

func TestBatchLine(t *testing.T) {
	const cmd, script = `C:\Windows\System32\cmd.exe`, `C:\Program Files (x86)\run me.cmd`
	const begin = `"C:\Windows\System32\cmd.exe" /d /e:on /v:off /s /c ""C:\Program Files (x86)\run me.cmd"`
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"none", nil, begin + `"`},
		{"words", []string{"-p", "8080"}, begin + ` -p 8080"`},
		{"empty and spaces", []string{"", "two words"}, begin + ` "" "two words""`},
		{"delimiters of cmd.exe", []string{"a=b", "a,b;c"}, begin + ` "a=b" "a,b;c""`},
		{"backslash at the end", []string{`C:\a b\`}, begin + ` "C:\a b\\""`},
		{"not ASCII", []string{"größe"}, begin + ` "größe""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := batchLine(cmd, script, tt.args)
			if err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
	for _, arg := range []string{`"`, "%PATH%", "!x!", "a^b", "a&calc", "a|b", "a<b", "a>b", "(a)", "a\nb", "a\rb", "`a`", "a\x1ab"} {
		if line, err := batchLine(cmd, script, []string{arg}); err == nil {
			t.Errorf("argument %q was let through: %s", arg, line)
		}
	}
	for _, path := range []string{`C:\100%\x.bat`, "C:\\a\"b\\x.bat", `C:\a!b\x.bat`} {
		if line, err := batchLine(cmd, path, nil); err == nil {
			t.Errorf("path %q was let through: %s", path, line)
		}
	}
}

// FuzzBatchLine reads the line as cmd.exe does, which knows quotes and nothing else of escaping:
// outside of them nothing may stand that it interprets, within them no variable.
func FuzzBatchLine(f *testing.F) {
	f.Add("a b", `c\`)
	f.Add(`"&calc&"`, "%CMDCMDLINE:~-1%")
	f.Add("", "\"\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		line, err := batchLine(`C:\cmd.exe`, `C:\x.bat`, []string{a, b})
		if err != nil {
			return
		}
		_, inner, ok := strings.Cut(line, `/s /c "`)
		inner, ok2 := strings.CutSuffix(inner, `"`)
		if !ok || !ok2 {
			t.Fatalf("no outer quotes: %s", line)
		}
		quoted := false
		for _, r := range inner {
			switch {
			case r == '"':
				quoted = !quoted
			case r < ' ', strings.ContainsRune("%!", r):
				t.Fatalf("%q in %s", r, line)
			case !quoted && strings.ContainsRune("&|<>()^@=,;", r):
				t.Fatalf("%q outside of quotes in %s", r, line)
			}
		}
		if quoted {
			t.Fatalf("a quote stays open: %s", line)
		}
	})
}

func TestExitCodesInWords(t *testing.T) {
	for code, want := range map[uint32]string{
		0:          "exit code 0",
		1:          "exit code 1",
		137:        "exit code 137",
		0xC0000005: "access violation (0xC0000005)",
		0xC000013A: "ended by Ctrl-C or Ctrl-Break (0xC000013A)",
		0xC0000135: "a DLL was not found: install what the program depends on (0xC0000135)",
		0xC0000142: "a DLL could not be initialised: often no desktop or desktop memory for it (0xC0000142)",
		0xC00000FD: "stack overflow (0xC00000FD)",
		0xE0434352: "unhandled .NET exception (0xE0434352)",
		0xC0001234: "unhandled exception (0xC0001234)",
		0xFFFFFFFF: "exit code -1 (0xFFFFFFFF)",
	} {
		if got := windowsCode(code); got != want {
			t.Errorf("windows %#x: %q, want %q", code, got, want)
		}
	}
	name := func(n int) string { return map[int]string{9: "SIGKILL", 15: "SIGTERM", 11: "SIGSEGV"}[n] }
	for code, want := range map[int]string{
		0:   "exit code 0",
		3:   "exit code 3",
		126: "exit code 126 (a shell's word for: found but not executable)",
		127: "exit code 127 (a shell's word for: command not found)",
		137: "exit code 137 (128+9: a shell's word for killed by SIGKILL, by somebody or for lack of memory)",
		143: "exit code 143 (128+15: a shell's word for killed by SIGTERM)",
		255: "exit code 255",
	} {
		if got := posixCode(code, name); got != want {
			t.Errorf("posix %d: %q, want %q", code, got, want)
		}
	}
}
