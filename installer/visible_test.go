package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	for given, want := range map[string]string{
		"":                          "",
		"plain, 中文, ü\t\n":          "plain, 中文, ü\t\n",
		"\x1b]0;title\a\x1b[2J":     `\x1b]0;title\x07\x1b[2J`,
		"\u009b31m":                 `\x9b31m`,
		"\x9b31m":                   `\x9b31m`,
		"a\rb\r\n":                  "a\\x0db\r\n",
		"\u202egnp.exe":             `\u202egnp.exe`,
		"zero\x00, delete\x7f":      `zero\x00, delete\x7f`,
		"half a character \xe4\xb8": `half a character \xe4\xb8`,
	} {
		var out bytes.Buffer
		n, err := visible{&out}.Write([]byte(given))
		if got := out.String(); got != want || n != len(given) || err != nil {
			t.Errorf("%q: got %q, %d, %v, want %q", given, got, n, err, want)
		}
	}
	if _, err := (visible{broken{}}).Write([]byte("x")); err == nil {
		t.Error("an error was lost")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

// Nothing of a hostile package reaches the terminal as it is, in whatever table, key or column.
func TestHostileTables(t *testing.T) {
	dir := t.TempDir()
	evil := "\x1b]0;x\a\u009b2J\u202e"
	idt := "Key\tValue\r\ns72\ts0\r\nProp\tKey\r\nKey" + evil + "\tValue" + evil + "\r\n"
	for name, text := range map[string]string{"_ForceCodepage.idt": "\r\n\r\n65001\t_ForceCodepage\r\n", "Prop.idt": idt} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "A.idt"), []byte("A\r\ns72\r\nA\tA\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"tables", dir}, {"diff", dir, other}, {"tables", dir, "none" + evil}, {"verify", dir + evil}} {
		var out, said bytes.Buffer
		run(t.Context(), args, &out, &said)
		if text := out.String() + said.String(); strings.ContainsAny(text, "\x1b\a\u009b\u202e") || len(text) == 0 {
			t.Errorf("%q: %q", args, text)
		}
	}
}
