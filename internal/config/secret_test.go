package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

// TestSecretsNeverPrint writes everything that holds a secret in every way that anybody might.
func TestSecretsNeverPrint(t *testing.T) {
	const secret = "hunter2"
	file := write(t, t.TempDir()+"/password", secret+"\n")
	s := load(t, `
version: 1
apps:
  shop:
    command: [serve, "--token=${env:TOKEN}"]
    env: {PLAIN: `+secret+`, FROM_FILE: "${file:`+file+`}", FROM_ENV: "x${env:TOKEN}y"}
routes:
  r: {respond: {headers: {X-Token: "${env:TOKEN}"}}}
`, Options{Environ: []string{"TOKEN=" + secret, "HOLDFAST_APPS__SHOP__ENV__SET=" + secret}, Set: []string{"apps.shop.env.FLAG=" + secret}})
	app := s.Config.Apps["shop"]
	for name, want := range map[string]string{"PLAIN": secret, "FROM_FILE": secret, "FROM_ENV": "x" + secret + "y", "SET": secret, "FLAG": secret} {
		if got := app.Env[name].Reveal(); got != want {
			t.Errorf("env %s = %q, want %q", name, got, want)
		}
	}

	explanation, _ := s.Explain("")
	// Texts outside of env are no secrets to the types, so this one has none there.
	config := load(t, "version: 1\napps: {shop: {command: [serve], env: {PLAIN: "+secret+"}, liveness_probe: {tcp_socket: {}}}}\n", Options{}).Config
	outputs := map[string]any{"config": config, "config by value": *config, "env": app.Env, "redacted": s.Redacted(), "explanation": explanation, "snapshot": s, "snapshot by value": *s}
	check := func(how, text string) {
		t.Helper()
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
	for name, v := range outputs {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			check(name+" "+verb, fmt.Sprintf(verb, v))
		}
		if strings.HasPrefix(name, "snapshot") {
			continue // its Config has the plain texts of ${env:} outside of env; nobody encodes it
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		check(name+" as JSON", string(asJSON))
		asYAML, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		check(name+" as YAML", string(asYAML))
		var b bytes.Buffer
		log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&b), zapcore.DebugLevel))
		log.Info("x", zap.Any("any", v), zap.Reflect("reflect", v))
		check(name+" in a log", b.String())
	}
	problems := Check("x.yaml", []byte("version: 1\napps: {a: {command: [x], env: {A: "+secret+", B: '"+secret+"', PORT: "+secret+"}, oops: 1}}"), Options{})
	check("problems", rendered(t, problems))
	// A secret in the place of something else is told about by its source.
	for _, at := range []string{
		`apps: {a: {command: [x], port: "%s"}}`, `apps: {a: {command: [x], stop: {grace: "%s"}}}`, `apps: {a: {command: ["%s"]}}`,
		`apps: {a: {command: [x], directory: "%s"}}`, `logging: {level: "%s"}`, `logging: {file: {max_size: "%s"}}`,
		`management: {address: "%s"}`, `management: {allowed_hosts: ["a/%s"]}`, `routes: {r: {app: "%s"}}`,
		`routes: {r: {match: {host: "%s_!"}, respond: {}}}`, `routes: {r: {match: {path: "%s"}, respond: {}}}`,
		`routes: {r: {redirect: {to: "%s"}}}`, `routes: {r: {urls: ["%s"]}}`, `routes: {r: {file_server: {root: "%s"}}}`,
		`certificates: {c: {cert_file: "%s", key_file: "%s"}}`, `listeners: {web: {address: "%s"}}`,
	} {
		for _, source := range []string{"${env:TOKEN}", "${file:" + filepath.ToSlash(file) + "}"} {
			text := "version: 1\n" + strings.ReplaceAll(at, "%s", source)
			told := rendered(t, Check("x.yaml", []byte(text), Options{Environ: []string{"TOKEN=" + secret, "PATH=" + t.TempDir()}}))
			if !strings.Contains(told, source+" stands for is not shown") {
				t.Errorf("%s: the problem does not tell its source:\n%s", text, told)
			}
			check(text, told)
		}
	}
	asJSON, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	check("problems as JSON", string(asJSON))
}
