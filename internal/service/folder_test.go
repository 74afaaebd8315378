package service

import (
	"strings"
	"testing"
)

func TestCheckFolder(t *testing.T) {
	for _, dir := range []string{
		`C:\ProgramData\Holdfast`, `c:\x`, `D:\Daten\Holdfast\`, `C:\Program Files (x86)\A.B\c-d_e`, `C:\数据\holdfast`, `C:\a\.hidden`,
		`C:\console\common`, `C:\` + strings.Repeat("x", folderMax-3), `C:\PROGRA~1\x`, `C:\a'b;c&d%e`,
	} {
		if err := CheckFolder(dir); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
	}
	for dir, want := range map[string]string{
		"":                                       "full path",
		`C:`:                                     "full path",
		`C:x`:                                    "full path",
		`C:/x`:                                   "full path",
		`x\y`:                                    "full path",
		`\x`:                                     "full path",
		`\\server\share\x`:                       "full path",
		`\\?\C:\x`:                               "full path",
		`\\.\pipe\x`:                             "full path",
		`\??\C:\x`:                               "full path",
		`1:\x`:                                   "full path",
		`[:\x`:                                   "full path",
		`C:\`:                                    "whole drive",
		`C:\\`:                                   "whole drive",
		`C:\a\\b`:                                "doubled backslash",
		`C:\a\\`:                                 "doubled backslash",
		`C:\a\..\..\Windows`:                     `".."`,
		`C:\.`:                                   `"."`,
		`C:\a\.\b`:                               `"."`,
		`C:\a/b`:                                 "leave out",
		`C:\a:b`:                                 "leave out",
		`C:\a::$DATA`:                            "leave out",
		`C:\a"b`:                                 "leave out",
		`C:\a*`:                                  "leave out",
		"C:\\a\nb":                               "control character",
		"C:\\a\x00b":                             "control character",
		"C:\\a\x7f":                              "control character",
		"C:\\a\xff":                              "no text",
		"C:\\a\uFFFD":                            "no text",
		`C:\a.`:                                  "Windows drops",
		`C:\a \b`:                                "Windows drops",
		`C:\ a`:                                  "Windows drops",
		`C:\a\...`:                               "Windows drops",
		`C:\nul`:                                 "device",
		`C:\x\CON.d\y`:                           "device",
		`C:\Com1`:                                "device",
		`C:\lpt³.txt`:                            "device",
		`C:\CONIN$`:                              "device",
		`C:\aux .x`:                              "device",
		`C:\` + strings.Repeat("x", folderMax-2): "characters",
		`C:\` + strings.Repeat(`a\`, 200):        "characters",
	} {
		if err := CheckFolder(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", dir, err, want)
		}
	}
}

func FuzzCheckFolder(f *testing.F) {
	for _, dir := range []string{`C:\ProgramData\Holdfast`, `C:\a\..\b`, `\\?\C:\x`, `C:\a b`, `C:\nul`, `C:\x\`} {
		f.Add(dir)
	}
	f.Fuzz(func(t *testing.T, dir string) {
		if CheckFolder(dir) != nil {
			return
		}
		if commandLine([]string{dir}) != `"`+dir+strings.Repeat(`\`, strings.Count(dir[len(dir)-1:], `\`))+`"` {
			t.Errorf("%q needs more than quotes on a command line", dir)
		}
		for _, never := range []string{"..", `\\`, "/", "\x00", "\n", `"`, "*", "?"} {
			if i := strings.Index(dir, never); i >= 0 && (never != ".." || dir[i-1] == '\\' && (i+2 == len(dir) || dir[i+2] == '\\')) {
				t.Errorf("%q was taken", dir)
			}
		}
	})
}
