package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs the tool as a person would.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

// TestUsage is what a person is told who calls a command wrongly.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"no folder", []string{"pack"}, []string{"the folder of your program is missing", "usage: installer pack FOLDER"}},
		{"two folders", []string{"pack", "my", "shop"}, []string{`"shop": there is a folder already, "my"; put a path with spaces into quotes`}},
		{"nothing but a folder", []string{"pack", "."}, []string{"--upgrade-code", "--name", "manufacturer", "version", "--config"}},
		{"unknown option", []string{"pack", "--nme", "Shop"}, []string{"unknown flag: --nme", "see: installer pack --help"}},
		{"a password without a key", []string{"pack", ".", "--sign-password-env", "X"}, []string{"add --sign-pfx, --sign-key or --sign-pkcs11-key"}},
		{"no version", []string{"build", "--version", "1.0"}, []string{"write exactly three numbers"}},
		{"no Windows of ours", []string{"build", "--arch", "386"}, []string{"packages are for amd64 or arm64"}},
		{"stage of both", []string{"build", "--stage", "x"}, []string{"--stage is for one architecture"}},
		{"nothing to sign with", []string{"sign", "x.msi"}, []string{"with which key?"}},
		{"nobody to trust", []string{"verify-signature", "x.msi"}, []string{"whom to trust?"}},
		{"no property", []string{"simulate", "x.msi", "HF_PORT"}, []string{`"HF_PORT" is no property: write NAME=VALUE`}},
		{"no properties", []string{"transform", "x.msi"}, []string{"which properties?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := command(t, tt.args...)
			if code != exitUsage || stdout != "" {
				t.Errorf("exit code %d, want %d; output %q", code, exitUsage, stdout)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in:\n%s", want, stderr)
				}
			}
		})
	}
}

// TestOutsideTheSources: each command that needs them tells what helps it.
func TestOutsideTheSources(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := command(t, "verify-signature", "x.msi", "--any-root")
	if code != exitFailed || !strings.Contains(stderr, "run this in their folder") || strings.Contains(stderr, "--from") {
		t.Errorf("exit code %d, want %d:\n%s", code, exitFailed, stderr)
	}
	_, err := buildPrograms(t.Context(), nil, t.TempDir(), "amd64", programOptions{})
	if err == nil || !strings.Contains(err.Error(), "--from FILE.msi") {
		t.Errorf("buildPrograms: %v", err)
	}
}

func TestTransformed(t *testing.T) {
	got := transformed(filepath.Join("out", "shop.msi"), filepath.Join("out", "fleet.mst"), map[string]string{"HF_PORT": "8443", "HF_ACCOUNT": "NetworkService"})
	want := filepath.Join("out", "fleet.mst") + " sets HF_ACCOUNT, HF_PORT\nNext: msiexec /i shop.msi TRANSFORMS=fleet.mst /qn\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMissingTools: before minutes are spent, all that is missing is told.
func TestMissingTools(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "holdfast.yaml")
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		file:                          "version: 1\napps: {shop: {command: ['${install_dir}\\app\\run.cmd']}}\nroutes: {shop: {app: shop}}\n",
		filepath.Join(app, "run.cmd"): "@echo\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for _, args := range [][]string{
		{"build", "--arch", "amd64"},
		{"pack", app, "--config", file, "--name", "Shop", "--manufacturer", "Acme", "--version", "1.0.0", "--upgrade-code", "B1A7A4E5-61A5-4AC4-9A60-52DA0F5B8E09"},
	} {
		code, stdout, stderr := command(t, args...)
		if code != exitFailed || strings.Contains(stdout, "holdfast.exe") {
			t.Errorf("%s: exit code %d, want %d; output %q", args[0], code, exitFailed, stdout)
		}
		for _, tool := range []string{"msibuild", "msiinfo", "gcab"} {
			if !strings.Contains(stderr, tool) {
				t.Errorf("%s: no %q in:\n%s", args[0], tool, stderr)
			}
		}
	}
}
