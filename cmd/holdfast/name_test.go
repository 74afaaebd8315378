package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultName(t *testing.T) {
	tests := []struct {
		name string
		env  string
		file string // "-": there is none
		want string
		err  string
	}{
		{"nothing is said", "", "-", "Holdfast", ""},
		{"file", "", "Shop\n", "Shop", ""},
		{"file of Windows", "", "\ufeffShop\r\n", "Shop", ""},
		{"environment before file", "Other", "Shop\n", "Other", ""},
		{"environment before a broken file", "Other", "../x", "Other", ""},
		{"empty file", "", "", "", `holdfast.name: name ""`},
		{"no name", "", "../x\n", "", "begin with a letter or digit"},
		{"two lines", "", "Shop\nOther\n", "", "begin with a letter or digit"},
		{"endless file", "", strings.Repeat("x", 10_000), "", "more than 256 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			if tt.file != "-" {
				if err := os.WriteFile(filepath.Join(folder, nameFile), []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := defaultName(func(string) string { return tt.env }, folder)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// A broken file must not keep anybody from help, version, or a name of their own.
func TestBrokenNameFile(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, nameFile), []byte("a b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOLDFAST_NAME", "")
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"status"}, exitUsage},
		{[]string{"--help"}, exitOK},
		{[]string{"version"}, exitOK},
		{[]string{"status", "--name", "HfTest-nobody"}, exitUnreachable},
	} {
		var out, errs strings.Builder
		if got := runIn(folder, tt.args, strings.NewReader(""), &out, &errs); got != tt.want {
			t.Errorf("%v: exit %d, want %d: %s", tt.args, got, tt.want, errs.String())
		}
		if tt.want == exitUsage && !strings.Contains(errs.String(), nameFile) {
			t.Errorf("%v: %q does not name the file", tt.args, errs.String())
		}
	}
}
