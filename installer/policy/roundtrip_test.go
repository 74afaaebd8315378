package policy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
)

// memory is a registry: keys, and their values by name.
type memory map[string]map[string]config.RegistryValue

func (m memory) Read(key string) (config.RegistryKey, error) {
	content := config.RegistryKey{Values: slices.Collect(maps.Values(m[key]))}
	for name := range m {
		if below, ok := strings.CutPrefix(name, key+`\`); ok {
			content.Keys = append(content.Keys, below)
		}
	}
	if len(content.Values)+len(content.Keys) == 0 {
		return content, fs.ErrNotExist
	}
	return content, nil
}

func (memory) Watch(ctx context.Context, _ []string, _ func()) error {
	<-ctx.Done()
	return nil
}

func (m memory) set(key, name string, typ uint32, data []byte) {
	if m[key] == nil {
		m[key] = map[string]config.RegistryValue{}
	}
	m[key][name] = config.RegistryValue{Name: name, Type: typ, Data: data}
}

func (m memory) text(key, name, text string) {
	var data []byte
	for _, unit := range append(utf16.Encode([]rune(text)), 0) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	m.set(key, name, 1, data)
}

func (m memory) number(t *testing.T, key, name, number string) {
	t.Helper()
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	m.set(key, name, 4, binary.LittleEndian.AppendUint32(nil, uint32(n)))
}

// enable writes what the editor writes for an enabled policy with these rows: one for a control, or
// name=value for each row of a list with names.
func (m memory) enable(t *testing.T, p *node, rows ...string) {
	t.Helper()
	key := p.attrs["key"]
	if enabled := p.one("enabledValue/decimal"); enabled != nil {
		m.number(t, key, p.attrs["valueName"], enabled.attrs["value"])
		return
	}
	e := p.one("elements").children[0]
	name := e.attrs["valueName"]
	switch e.name {
	case "text":
		m.text(key, name, rows[0])
	case "decimal":
		m.number(t, key, name, rows[0])
	case "enum":
		for _, item := range e.all("item/value/string") {
			if item.text == rows[0] {
				m.text(key, name, item.text)
				return
			}
		}
		t.Fatalf("%s has no item %s", name, rows[0])
	case "list":
		prefix, numbered := e.attrs["valuePrefix"]
		for i, row := range rows {
			switch {
			case e.attrs["explicitValue"] == "true":
				name, value, _ := strings.Cut(row, "=")
				m.text(e.attrs["key"], name, value)
			case numbered:
				m.text(e.attrs["key"], prefix+strconv.Itoa(i+1), row)
			default:
				m.text(e.attrs["key"], row, row)
			}
		}
	}
}

// certificate makes a pair of PEM files.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"c.pem": {Type: "CERTIFICATE", Bytes: der}, "c.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "c.pem"), filepath.Join(dir, "c.key")
}

// TestRoundTrip sets every policy as the editor would, by the template alone, and asks the
// configuration what is in force and why.
func TestRoundTrip(t *testing.T) {
	cert, key := certificate(t, t.TempDir())
	text := `version: 1
listeners: {web: {address: ":8080"}, plain: {address: ":8082"}}
certificates: {c: {cert_file: ` + cert + `, key_file: ` + key + `}}
apps: {shop: {command: [sh]}}
routes: {r: {app: shop, listeners: [web]}}
`
	const name = "Shop"
	admx := parse(t, files(t, name)[name+".admx"])
	policies := map[string]*node{}
	for _, p := range admx.all("policies/policy") {
		policies[p.attrs["name"]] = p
	}
	source := `Group Policy HKLM\SOFTWARE\Policies\` + name + `\`
	for _, tt := range []struct {
		policy string
		rows   []string
		key    string
		want   any
		source string
	}{
		{"ManagementAddress", []string{"127.0.0.1:9999"}, "management.address", "127.0.0.1:9999", "ManagementAddress"},
		{"ManagementAllowedHosts", []string{"b.example", "a.example"}, "management.allowed_hosts", []any{"b.example", "a.example"}, "ManagementAllowedHosts"},
		{"LogLevel", []string{"error"}, "logging.level", "error", "LogLevel"},
		{"LogFormat", []string{"json"}, "logging.format", "json", "LogFormat"},
		{"LogFileMaxSize", []string{"7"}, "logging.file.max_size", "7MiB", "LogFileMaxSize"},
		{"LogFileMaxFiles", []string{"3"}, "logging.file.max_files", int64(3), "LogFileMaxFiles"},
		{"AccessLog", nil, "logging.access.enabled", true, "AccessLog"},
		{"AccessLogMaxSize", []string{"8"}, "logging.access.file.max_size", "8MiB", "AccessLogMaxSize"},
		{"AccessLogMaxFiles", []string{"4"}, "logging.access.file.max_files", int64(4), "AccessLogMaxFiles"},
		{"ListenerAddress", []string{"web=:9000", "plain=:9001"}, "listeners.plain.address", ":9001", `ListenerAddress\plain`},
		{"ListenerCertificate", []string{"web=c"}, "listeners.web.certificate", "c", `ListenerCertificate\web`},
		{"ListenerRedirectTo", []string{"plain=web"}, "listeners.plain.redirect_to", "web", `ListenerRedirectTo\plain`},
		{"ListenerTrustedProxies", []string{"web=10.0.0.5, 10.1.0.0/16"}, "listeners.web.trusted_proxies", []any{"10.0.0.5", "10.1.0.0/16"}, `ListenerTrustedProxies\web`},
		{"ListenerHTTP2", []string{"web=false"}, "listeners.web.http2", false, `ListenerHTTP2\web`},
		{"CertificateFile", []string{"c=" + cert}, "certificates.c.cert_file", cert, `CertificateFile\c`},
		{"CertificateKeyFile", []string{"c=" + key}, "certificates.c.key_file", key, `CertificateKeyFile\c`},
		{"AppInstances", []string{"shop=3"}, "apps.shop.instances", int64(3), `AppInstances\shop`},
		{"AppAutostart", []string{"shop=false"}, "apps.shop.autostart", false, `AppAutostart\shop`},
		{"AppRestartPolicy", []string{"shop=on_failure"}, "apps.shop.restart.policy", "on_failure", `AppRestartPolicy\shop`},
		{"AppStopGrace", []string{"shop=40s"}, "apps.shop.stop.grace", "40s", `AppStopGrace\shop`},
		{"AppMemoryLimit", []string{"shop=512MiB"}, "apps.shop.limits.memory", "512MiB", `AppMemoryLimit\shop`},
		{"AppCPULimit", []string{"shop=1.5"}, "apps.shop.limits.cpu", "1.5", `AppCPULimit\shop`},
		{"AppLogMaxSize", []string{"shop=5MiB"}, "apps.shop.output.file.max_size", "5MiB", `AppLogMaxSize\shop`},
		{"AppLogMaxFiles", []string{"shop=2"}, "apps.shop.output.file.max_files", int64(2), `AppLogMaxFiles\shop`},
		{"RouteTimeout", []string{"r=5s"}, "routes.r.timeout", "5s", `RouteTimeout\r`},
		{"Settings", []string{"apps.shop.restart.backoff=2s", "routes.r.priority=5"}, "routes.r.priority", int64(5), `Settings\routes.r.priority`},
	} {
		t.Run(tt.policy, func(t *testing.T) {
			p := policies[tt.policy]
			delete(policies, tt.policy)
			if p == nil {
				t.Fatal("the template does not have it")
			}
			registry := memory{}
			registry.enable(t, p, tt.rows...)
			s, problems := config.Parse("holdfast.yaml", []byte(text), config.Options{PolicyKey: `SOFTWARE\Policies\` + name, Registry: registry})
			if s == nil {
				t.Fatal(problems.Err())
			}
			e, _ := s.Explain(tt.key)
			if diff := cmp.Diff(tt.want, e.Value); diff != "" || e.Source != source+tt.source {
				t.Errorf("source %q; value (-want +got):\n%s", e.Source, diff)
			}
		})
	}
	for name := range policies {
		t.Errorf("nobody tries policy %s", name)
	}
}

// TestEveryChoice sets what the editor allows at its ends: all items, both bounds, enabled and
// disabled. The configuration allows all of it.
func TestEveryChoice(t *testing.T) {
	admx := parse(t, files(t, "Holdfast")["Holdfast.admx"])
	const key = `SOFTWARE\Policies\Holdfast`
	good := func(what string, registry memory) {
		t.Helper()
		if _, problems := config.Parse("holdfast.yaml", []byte("version: 1\n"), config.Options{PolicyKey: key, Registry: registry}); len(problems) > 0 {
			t.Errorf("%s: %v", what, problems.Err())
		}
	}
	choices := 0
	for _, p := range admx.all("policies/policy") {
		name := p.attrs["name"]
		for _, state := range []string{"enabledValue", "disabledValue"} {
			if v := p.one(state + "/decimal"); v != nil {
				registry := memory{}
				registry.number(t, p.attrs["key"], p.attrs["valueName"], v.attrs["value"])
				good(name+" "+state, registry)
				choices++
			}
		}
		for _, item := range p.all("elements/enum/item/value/string") {
			registry := memory{}
			registry.enable(t, p, item.text)
			good(name+" "+item.text, registry)
			choices++
		}
		for _, d := range p.all("elements/decimal") {
			for _, bound := range []string{"minValue", "maxValue"} {
				registry := memory{}
				registry.enable(t, p, d.attrs[bound])
				good(name+" "+bound, registry)
				choices++
			}
		}
	}
	if choices < 15 {
		t.Errorf("only %d choices were tried", choices)
	}
}
