package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/configs"
	"holdfast/internal/config"
)

// TestTemplatesAreGood checks every template as a main file and as a part, for both systems.
func TestTemplatesAreGood(t *testing.T) {
	for _, kind := range configs.TemplateKinds() {
		template, err := configs.TemplateOf(kind)
		if err != nil {
			t.Fatal(err)
		}
		if len(template.Example) == 0 {
			t.Errorf("%s has no example", kind)
		}
		for _, system := range []string{"linux", "windows"} {
			for _, missing := range []bool{true, false} {
				target := confTarget{opts: config.Options{File: filepath.FromSlash("/srv/shop/holdfast.yaml")}, missing: missing}
				filled := template.Fill(words(target, filepath.FromSlash("/srv/shop"), "shop", false))
				for _, word := range []string{"APP_NAME", "APP_DIRECTORY", "STOP_METHOD", "PYTHON_PROGRAM", "python3U", "RUN_WHAT", "GO_PROGRAM", "ASSEMBLY", "ROUTE_MATCH"} {
					if strings.Contains(filled.Config, word) {
						t.Errorf("%s: %s is left", kind, word)
					}
				}
				problems := config.Check(kind, []byte(filled.Config), config.Options{Elsewhere: system})
				if len(problems) > 0 {
					var b strings.Builder
					if err := problems.Render(&b, false); err != nil {
						t.Error(err)
					}
					t.Errorf("%s for %s:\n%s", kind, system, b.String())
				}
			}
		}
	}
}

// TestTemplatesRun begins programs of the kinds that the test machine has, and asks them through the
// gateway.
func TestTemplatesRun(t *testing.T) {
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/templates",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			port, err := freePort(t)
			if err != nil {
				return err
			}
			env.Setenv("WEB_PORT", port)
			env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
			env.Setenv("HOLDFAST_DATA", env.WorkDir+"/data")
			env.Setenv("LC_ALL", "C.UTF-8")
			if root := os.Getenv("PYENV_ROOT"); root != "" {
				env.Setenv("PYENV_ROOT", root)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"eventually": eventually},
	})
}
