package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runCommand is one run of the program in a folder of its own.
func runCommand(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

const checkedConfig = `version: 1
apps:
  shop:
    command: [sh, -c, "exec true"]
    instances: 2
    env: {PASSWORD: hunter2}
routes:
  shop: {app: shop}
`

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.yaml":    checkedConfig,
		"broken.yaml":  strings.Replace(checkedConfig, "app: shop", "app: shpo", 1),
		"warning.yaml": strings.Replace(checkedConfig, "instances: 2", "directory: nowhere", 1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        int
		want        string
	}{
		{"good", "", []string{"check", "good.yaml"}, exitOK, "good.yaml: no problems (1 app, 2 instances, 1 route, 1 listener).\n"},
		{"standard input", checkedConfig, []string{"check", "-"}, exitOK, "standard input: no problems (1 app, 2 instances, 1 route, 1 listener).\n"},
		{"broken", "", []string{"check", "broken.yaml"}, exitInvalid, `error[HF301]: app "shpo" is not defined
  --> broken.yaml:8:15
7 | routes:
8 |   shop: {app: shpo}
  |               ^^^^ did you mean "shop"?

1 error.
`},
		{"--set", "", []string{"check", "good.yaml", "--set", "apps.shop.instances=many"}, exitInvalid, `error[HF205]: instances: "many" is not a whole number
  --> --set apps.shop.instances
  write a value from 0 to 1000

1 error.
`},
		{"missing", "", []string{"check", "none.yaml"}, exitInvalid, "error[HF101]: none.yaml cannot be read: no such file or directory\n"},
		{"the installation's own", "", []string{"check", "--config", "good.yaml", "--data", "data"}, exitOK, "no problems"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runCommand(t, tt.stdin, tt.args...)
			if code != tt.code || !strings.Contains(stdout, tt.want) || stderr != "" {
				t.Errorf("exit %d, want %d\nstdout:\n%swant:\n%sstderr: %s", code, tt.code, stdout, tt.want, stderr)
			}
		})
	}

	code, stdout, _ := runCommand(t, "", "check", "warning.yaml", "-o", "json")
	var r checkResult
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if code != exitOK || !r.OK || r.Warnings != 1 || r.Problems[0].Code != "HF316" || r.Problems[0].Line != 5 || r.Apps != 1 {
		t.Errorf("exit %d: %s", code, stdout)
	}
}

func TestExplainBesideHoldfast(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(file, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Holdfast": "127.0.0.1:9180", "Shop": "off"} {
		code, stdout, stderr := runCommand(t, "", "explain", "--name", name, "--config", file, "management.address")
		if code != exitOK || !strings.HasPrefix(stdout, "management.address = "+want+"\n") {
			t.Errorf("%s: exit %d, want %s:\n%s%s", name, code, want, stdout, stderr)
		}
	}
}

func TestExplain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(file, []byte(checkedConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOLDFAST_APPS__SHOP__INSTANCES", "3")
	explain := func(args ...string) (int, string, string) {
		return runCommand(t, "", append([]string{"explain", "--config", file}, args...)...)
	}
	code, stdout, _ := explain("apps.shop.instances", "--set", "apps.shop.instances=4")
	want := `apps.shop.instances = 4
  in force    4  --set apps.shop.instances
  overridden  3  environment variable HOLDFAST_APPS__SHOP__INSTANCES
  overridden  2  ` + file + `:5
  overridden  1  default
`
	if code != exitOK || stdout != want {
		t.Errorf("exit %d:\n%swant:\n%s", code, stdout, want)
	}
	if code, stdout, _ := explain("apps.shop.env"); code != exitOK || !strings.Contains(stdout, "******") || strings.Contains(stdout, "hunter2") {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	if code, stdout, _ := explain("apps.shop.liveness_probe"); code != exitOK || stdout != "apps.shop.liveness_probe is not set, and has no default.\n" {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	if code, stdout, _ := explain("routes", "-o", "yaml"); code != exitOK || !strings.Contains(stdout, "balance: round_robin") {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	if code, _, stderr := explain("apps.shop.instnces"); code != exitUsage || !strings.Contains(stderr, `did you mean "instances"?`) {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := explain("logging", "--set", "nonsense"); code != exitInvalid || !strings.Contains(stderr, "HF212") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
