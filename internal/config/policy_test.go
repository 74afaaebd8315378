package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// bySettings are the keys that have no setting of their own: Settings can set them. Whoever adds a
// key to the configuration decides here or in policyTable whether a fleet needs one.
var bySettings = map[string]string{
	"version":                         "of the format; the files say it",
	"listeners.*.read_header_timeout": "bounds of the protocol are tuned per machine",
	"listeners.*.read_timeout":        "as above",
	"listeners.*.idle_timeout":        "as above",
	"listeners.*.max_header_size":     "as above",
	"apps.*.command":                  "what an app is belongs to its machine",
	"apps.*.directory":                "as above",
	"apps.*.env.*":                    "as above",
	"apps.*.port":                     "as above",
	"apps.*.depends_on":               "as above",
	"apps.*.restart.backoff":          "details of restarting",
	"apps.*.restart.max_backoff":      "as above",
	"apps.*.restart.max_restarts":     "as above",
	"apps.*.restart.window":           "as above",
	"apps.*.restart.reset_after":      "as above",
	"apps.*.restart.no_restart_codes": "as above",
	"apps.*.stop.method":              "what an app is",
	"apps.*.stop.http.path":           "as above",
	"apps.*.PROBE.http_get.path":      "as above",
	"apps.*.PROBE.http_get.port":      "as above",
	"apps.*.PROBE.http_get.headers.*": "as above",
	"apps.*.PROBE.tcp_socket.port":    "as above",
	"apps.*.PROBE.period":             "as above",
	"apps.*.PROBE.timeout":            "as above",
	"apps.*.PROBE.initial_delay":      "as above",
	"apps.*.PROBE.failure_threshold":  "as above",
	"apps.*.PROBE.success_threshold":  "as above",
	"routes.*.listeners":              "what a route is",
	"routes.*.match.host":             "as above",
	"routes.*.match.path_prefix":      "as above",
	"routes.*.match.path":             "as above",
	"routes.*.match.method":           "as above",
	"routes.*.match.header.*":         "as above",
	"routes.*.priority":               "as above",
	"routes.*.strip_prefix":           "as above",
	"routes.*.app":                    "as above",
	"routes.*.urls":                   "as above",
	"routes.*.balance":                "as above",
	"routes.*.redirect.to":            "as above",
	"apps.*.max_instances":            "a matter of the app",
	"apps.*.restart.overlap":          "as above",
	"apps.*.stop.drain":               "as above",
	"apps.*.limits.memory_recycle":    "as above",
	"apps.*.on_failure.command":       "as above",
	"apps.*.on_failure.timeout":       "as above",
	"apps.*.output.encoding":          "as above",
	"routes.*.parking.max_requests":   "as above",
	"routes.*.parking.timeout":        "as above",
	"routes.*.redirect.status":        "as above",
	"routes.*.respond.status":         "as above",
	"routes.*.respond.body":           "as above",
	"routes.*.respond.headers.*":      "as above",
}

// ofGateway are sections of routes and certificates without a setting of their own: what a gateway
// does is a matter of the machine that has the route.
var ofGateway = []string{
	"listeners.*.certificates", "listeners.*.max_connections", "listeners.*.max_connections_per_client", "listeners.*.max_streams", "listeners.*.min_data_rate",
	"certificates.*.folder", "certificates.*.windows_store", "certificates.*.self_signed", "certificates.*.acme", "certificates.*.internal_ca",
	"routes.*.weights", "routes.*.transport", "routes.*.balance_key", "routes.*.sticky", "routes.*.slow_start", "routes.*.outlier", "routes.*.health_check", "routes.*.try_timeout", "routes.*.allow", "routes.*.deny", "routes.*.client_certificate", "routes.*.jwt",
	"routes.*.api_keys", "routes.*.basic_auth", "routes.*.cors", "routes.*.flow", "routes.*.max_body_size", "routes.*.fault",
	"routes.*.circuit_breaker", "routes.*.retry", "routes.*.fallback", "routes.*.request_headers", "routes.*.response_headers",
	"routes.*.security_headers", "routes.*.compress", "routes.*.error_pages", "routes.*.file_server",
}

func isOfGateway(key string) bool {
	return slices.ContainsFunc(ofGateway, func(section string) bool { return key == section || strings.HasPrefix(key, section+".") })
}

// leaves are the keys of the configuration that hold values; * stands for names.
func leaves(s *shape, at string) []string {
	var all []string
	switch s.kind {
	case kindStruct:
		for _, f := range s.fields {
			all = append(all, leaves(f.shape, strings.TrimPrefix(at+"."+f.name, "."))...)
		}
	case kindMap:
		all = leaves(s.elem, at+".*")
	case kindScalar, kindList:
		all = []string{strings.NewReplacer("startup_probe", "PROBE", "liveness_probe", "PROBE", "readiness_probe", "PROBE").Replace(at)}
	}
	return all
}

// TestPolicyTable holds the table against the configuration: a key that comes, goes or changes its
// kind fails here.
func TestPolicyTable(t *testing.T) {
	root := rootShape()
	all := leaves(root, "")
	known := map[string]string{}
	for _, p := range PolicySettings() {
		t.Run(p.Name, func(t *testing.T) {
			if known[strings.ToLower(p.Name)] != "" || strings.ContainsFunc(p.Name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				t.Errorf("the name is taken, or not letters and digits only")
			}
			known[strings.ToLower(p.Name)] = p.Name
			if p.Title.English == "" || p.Title.Chinese == "" || p.Help.English == "" || p.Help.Chinese == "" || p.Since == "" || p.Category.Words().Chinese == "" {
				t.Errorf("something is not said: %+v", p)
			}
			if p.Kind == PolicyPairs {
				return
			}
			if !slices.Contains(all, p.Key) {
				t.Fatalf("the configuration has no key %s", p.Key)
			}
			if bySettings[p.Key] != "" {
				t.Errorf("%s is also said to have no setting", p.Key)
			}
			if strings.Contains(p.Key, "*") != (p.Kind == PolicyNames) {
				t.Errorf("%s as %s", p.Key, p.Kind)
			}
			if s := p.shape(root); !fits(p.Kind, s) {
				t.Errorf("%s is %s: kind %s does not fit", p.Key, s.wants(), p.Kind)
			}
			if p.Kind == PolicyNumber && (p.Min >= p.Max || p.Default == "") || p.Kind == PolicyEnum && !slices.Contains(p.Values, p.Default) {
				t.Errorf("bounds %d to %d, values %v, default %q", p.Min, p.Max, p.Values, p.Default)
			}
			known[p.Key] = p.Name
		})
	}
	for _, key := range all {
		if known[key] == "" && bySettings[key] == "" && !isOfGateway(key) {
			t.Errorf("%s is new: give it a row in policyTable, or say in bySettings why not", key)
		}
	}
	for key := range bySettings {
		if !slices.Contains(all, key) {
			t.Errorf("%s is not in the configuration any more", key)
		}
	}
}

// fits reports whether a key of this shape can be set by a setting of this kind.
func fits(k PolicyKind, s *shape) bool {
	switch k {
	case PolicyText:
		return s.kind == kindScalar && s.typ.Kind() == reflect.String && s.values() == nil
	case PolicyEnum:
		return s.values() != nil
	case PolicyNumber:
		return s.typ.Kind() == reflect.Int || s.typ == reflect.TypeFor[Size]()
	case PolicySwitch:
		return s.typ.Kind() == reflect.Bool
	case PolicyList:
		return s.kind == kindList
	case PolicyNames:
		return s.kind == kindScalar || s.kind == kindList
	case PolicyPairs:
	}
	return false
}

func TestPolicyBounds(t *testing.T) {
	got := map[string]string{}
	for _, p := range PolicySettings() {
		if p.Kind == PolicyNumber || p.Kind == PolicyEnum || p.Kind == PolicySwitch {
			got[p.Name] = fmt.Sprintf("%d %d %v %s", p.Min, p.Max, p.Values, p.Default)
		}
	}
	want := map[string]string{
		"LogLevel":          "0 0 [debug info warn error] info",
		"LogFormat":         "0 0 [auto json console] auto",
		"LogFileMaxSize":    "1 2147483647 [] 50",
		"LogFileMaxFiles":   "0 1000 [] 10",
		"AccessLog":         "0 0 [] 1",
		"AccessLogMaxSize":  "1 2147483647 [] 50",
		"AccessLogMaxFiles": "0 1000 [] 10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

const policyFile = `version: 1
logging: {level: debug}
listeners: {web: {address: ":8081"}}
apps:
  shop: {command: [serve]}
  my-app: {command: [serve], instances: 2}
routes: {shop: {app: shop}}
`

// withPolicy are options that read a registry.
func withPolicy(r Registry) Options {
	return Options{PolicyKey: testPolicyKey, InstalledKey: testInstalledKey, Registry: r}
}

func TestPolicyLayer(t *testing.T) {
	const origin = `Group Policy HKLM\` + testPolicyKey + `\`
	for _, tt := range []struct {
		name   string
		values []RegistryValue
		key    string
		want   any
		source string
	}{
		{"text", []RegistryValue{sz("ManagementAddress", "off")}, "management.address", "off", "ManagementAddress"},
		{"enum", []RegistryValue{sz("LogLevel", "warn")}, "logging.level", "warn", "LogLevel"},
		{"any case of the name", []RegistryValue{sz("LOGLEVEL", "warn")}, "logging.level", "warn", "LOGLEVEL"},
		{"number", []RegistryValue{dword("LogFileMaxFiles", 3)}, "logging.file.max_files", int64(3), "LogFileMaxFiles"},
		{"number with a unit", []RegistryValue{dword("LogFileMaxSize", 2048)}, "logging.file.max_size", "2GiB", "LogFileMaxSize"},
		{"its default for others", []RegistryValue{dword("LogFileMaxSize", 7)}, "logging.access.file.max_size", "7MiB", ""},
		{"switch off", []RegistryValue{dword("AccessLog", 0)}, "logging.access.enabled", false, "AccessLog"},
		{"switch on", []RegistryValue{dword("AccessLog", 1)}, "logging.access.enabled", true, "AccessLog"},
		{
			"list",
			[]RegistryValue{sz(`ManagementAllowedHosts\10`, "c"), sz(`ManagementAllowedHosts\2`, "b"), sz(`ManagementAllowedHosts\1`, "a")},
			"management.allowed_hosts",
			[]any{"a", "b", "c"},
			"ManagementAllowedHosts",
		},
		{"names", []RegistryValue{sz(`AppInstances\shop`, "5")}, "apps.shop.instances", int64(5), `AppInstances\shop`},
		{"names, a dash as an underscore", []RegistryValue{sz(`AppInstances\my_app`, "5")}, "apps.my-app.instances", int64(5), `AppInstances\my_app`},
		{"names of a list", []RegistryValue{sz(`ListenerTrustedProxies\web`, "10.0.0.5, 10.1.0.0/16")}, "listeners.web.trusted_proxies", []any{"10.0.0.5", "10.1.0.0/16"}, `ListenerTrustedProxies\web`},
		{"names of an empty list", []RegistryValue{sz(`ListenerTrustedProxies\web`, "")}, "listeners.web.trusted_proxies", []any{}, `ListenerTrustedProxies\web`},
		{"pairs", []RegistryValue{sz(`Settings\apps.shop.restart.backoff`, "2s")}, "apps.shop.restart.backoff", "2s", `Settings\apps.shop.restart.backoff`},
		{"pairs with a list", []RegistryValue{sz(`Settings\apps.shop.command`, "[other, x]")}, "apps.shop.command", []any{"other", "x"}, `Settings\apps.shop.command`},
		{"pairs, a section before its keys", []RegistryValue{sz(`Settings\apps.shop.restart.backoff`, "3s"), sz(`Settings\apps.shop.restart`, "{backoff: 2s}")}, "apps.shop.restart.backoff", "3s", `Settings\apps.shop.restart.backoff`},
		{"pairs, a setting of its own last", []RegistryValue{sz(`AppRestartPolicy\shop`, "never"), sz(`Settings\apps.shop.restart`, "{policy: on_failure}")}, "apps.shop.restart.policy", "never", `AppRestartPolicy\shop`},
		{"pairs make an app", []RegistryValue{sz(`Settings\apps.new.instances`, "2"), sz(`Settings\apps.new.command`, "[new]")}, "apps.new.instances", int64(2), `Settings\apps.new.instances`},
		{"pairs make a route", []RegistryValue{sz(`Settings\routes.new`, "{respond: {status: 404}}")}, "routes.new.respond.status", int64(404), `Settings\routes.new`},
		{"a placeholder", []RegistryValue{sz("ManagementAddress", "127.0.0.1:${env:PORT}")}, "management.address", "127.0.0.1:${env:PORT}", "ManagementAddress"},
		{"nothing", nil, "logging.level", "error", "--set logging.level"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := withPolicy(policies(tt.values...))
			opts.Environ = []string{"PORT=9999", "HOLDFAST_LOGGING__LEVEL=info"}
			opts.Set = []string{"logging.level=error"}
			s := load(t, policyFile, opts)
			e, known := s.Explain(tt.key)
			if diff := cmp.Diff(tt.want, e.Value); diff != "" || !known {
				t.Errorf("known %v, value (-want +got):\n%s", known, diff)
			}
			source := tt.source
			if len(tt.values) > 0 && source != "" {
				source = origin + source
			}
			if tt.source != "" && e.Source != source {
				t.Errorf("source %q, want %q", e.Source, source)
			}
			if len(tt.values) > 0 && len(s.Policy) == 0 || len(tt.values) == 0 && s.Policy != nil {
				t.Errorf("Policy = %v", s.Policy)
			}
		})
	}
}

func TestPolicyKeys(t *testing.T) {
	s := load(t, policyFile, withPolicy(policies(sz("LogLevel", "warn"), sz(`Settings\apps.shop.restart`, "{backoff: 2s, window: 1m}"), sz(`AppInstances\shop`, "2"), sz(`AppInstances\gone`, "2"))))
	if diff := cmp.Diff([]string{"apps.shop.instances", "apps.shop.restart", "logging.level"}, s.Policy); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(s.Warnings) != 2 { // serve, which is no program here, is told of elsewhere
		for _, w := range s.Warnings {
			if w.Code == codeNoEffect {
				return
			}
		}
		t.Errorf("nothing is told of the app that is not there:\n%s", rendered(t, s.Warnings))
	}
}

// TestPolicyProblems shows what is told of a policy that cannot be in force. With Load it refuses the
// configuration; a start goes on without it.
func TestPolicyProblems(t *testing.T) {
	const key = `Group Policy HKLM\` + testPolicyKey
	for _, tt := range []struct {
		name         string
		values       []RegistryValue
		code, source string
		want         string
	}{
		{"unknown name", []RegistryValue{sz("LogLvel", "warn")}, codePolicy, `\LogLvel`, "did you mean LogLevel?"},
		{"unknown name, nothing near", []RegistryValue{sz("Zzz", "x")}, codePolicy, `\Zzz`, `there is no policy "Zzz"`},
		{"value without a name", []RegistryValue{sz("", "x")}, codePolicy, ``, `there is no policy ""`},
		{"unknown list", []RegistryValue{sz(`Bogus\x`, "1")}, codePolicy, `\Bogus`, `there is no policy "Bogus"`},
		{"wrong type", []RegistryValue{dword("LogLevel", 1)}, codePolicy, `\LogLevel`, "policy LogLevel: its type is REG_DWORD, not REG_SZ"},
		{"wrong type of a number", []RegistryValue{sz("LogFileMaxFiles", "3")}, codePolicy, `\LogFileMaxFiles`, "its type is REG_SZ, not REG_DWORD"},
		{"wrong type in a list", []RegistryValue{dword(`ManagementAllowedHosts\1`, 1)}, codePolicy, `\ManagementAllowedHosts`, "entry 1: its type"},
		{"neither on nor off", []RegistryValue{dword("AccessLog", 2)}, codePolicy, `\AccessLog`, "write 1 (enabled) or 0 (disabled)"},
		{"a value for a key", []RegistryValue{sz("AppInstances", "1")}, codePolicy, `\AppInstances`, "is a registry key with values, not a value"},
		{"a key for a value", []RegistryValue{sz(`LogLevel\x`, "1")}, codePolicy, `\LogLevel`, "is a registry value, not a key"},
		{"a key too deep", []RegistryValue{sz(`AppInstances\x\y`, "1")}, codePolicy, `\AppInstances\x`, "has no keys below it"},
		{"a name that is empty", []RegistryValue{sz(`AppInstances\`, "1")}, codePolicy, `\AppInstances`, "has a value without a name"},
		{"value", []RegistryValue{sz("LogLevel", "loud")}, codeValue, `\LogLevel`, "write one of debug, info, warn, error"},
		{"range", []RegistryValue{dword("LogFileMaxFiles", 1001)}, codeRange, `\LogFileMaxFiles`, "write a value from 0 to 1000"},
		{"range with a unit", []RegistryValue{dword("LogFileMaxSize", 0)}, codeRange, `\LogFileMaxSize`, "0MiB is out of range"},
		{"value of a name", []RegistryValue{sz(`AppInstances\shop`, "many")}, codeValue, `\AppInstances\shop`, "is not a whole number"},
		{"exposed", []RegistryValue{sz("ManagementAddress", ":9180")}, codeExposed, `\ManagementAddress`, "use a loopback address"},
		{"unknown certificate", []RegistryValue{sz(`ListenerCertificate\web`, "shop")}, codeReference, `\ListenerCertificate\web`, "there is no certificate at all"},
		{"entry of a list", []RegistryValue{sz(`ManagementAllowedHosts\1`, "http://x")}, codeValue, `\ManagementAllowedHosts`, "write the bare name"},
		{"unknown key", []RegistryValue{sz(`Settings\loging.level`, "warn")}, codeUnknownKey, `\Settings\loging.level`, `did you mean "logging"?`},
		{"placeholder", []RegistryValue{sz("LogLevel", "${env:NONE}")}, codeUnresolved, `\LogLevel`, "NONE is not set"},
		// The place of the problem is the app's; only the whole policy can be left out.
		{"a port that is taken", []RegistryValue{sz(`ListenerAddress\web`, ":7000")}, codePolicy, ``, "all of it is left out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := policyFile
			if strings.Contains(tt.name, "taken") {
				text += "x-note: 1\n" // the file says the same without it
				text = strings.Replace(text, "shop: {command: [serve]}", "shop: {command: [serve], port: 7000}", 1)
			}
			file := write(t, filepath.Join(scratch(t), "holdfast.yaml"), text)
			// The level is a policy that is good: it must survive whatever else is wrong.
			opts := withPolicy(policies(append(tt.values, dword("AccessLogMaxFiles", 7))...))
			opts.File = file
			s, problems := Load(opts)
			if s != nil {
				t.Fatalf("the configuration is accepted:\n%s", rendered(t, problems))
			}
			s, atStart := LoadForStart(opts)
			if s == nil {
				t.Fatalf("a start is refused:\n%s", rendered(t, atStart))
			}
			told := rendered(t, atStart)
			found := slices.ContainsFunc(atStart, func(p Problem) bool {
				return p.Code == tt.code && p.Source == key+tt.source && p.Severity == Error
			})
			if !found || !strings.Contains(told, tt.want) {
				t.Errorf("want %s of %s with %q, got:\n%s", tt.code, key+tt.source, tt.want, told)
			}
			want := 7
			if strings.Contains(tt.name, "taken") {
				want = 10
			}
			if got := s.Config.Logging.Access.File.MaxFiles; got != want {
				t.Errorf("the good policy: max_files = %d, want %d", got, want)
			}
			// The registry is watched from what it holds, not from what was left out.
			if s.content != opts.registryKeys().read().fingerprint() {
				t.Error("the snapshot has another content of the registry")
			}
		})
	}
}

// TestPolicyOfBrokenFiles leaves the blame where it belongs.
func TestPolicyOfBrokenFiles(t *testing.T) {
	file := write(t, filepath.Join(scratch(t), "holdfast.yaml"), "version: 1\nlogging: {level: loud}\n")
	opts := withPolicy(policies(sz("LogFormat", "xml")))
	opts.File = file
	if s, problems := LoadForStart(opts); s != nil || problems.Errors() != 2 {
		t.Errorf("snapshot %v:\n%s", s, rendered(t, problems))
	}
}

func TestPolicyThatCannotBeRead(t *testing.T) {
	r := policies(sz("LogLevel", "warn"), sz(`AppInstances\shop`, "3"))
	r.denied = testPolicyKey + `\AppInstances`
	file := write(t, filepath.Join(scratch(t), "holdfast.yaml"), policyFile)
	opts := withPolicy(r)
	opts.File = file
	if s, problems := Load(opts); s != nil || !strings.Contains(rendered(t, problems), "access is denied") {
		t.Errorf("snapshot %v:\n%s", s, rendered(t, problems))
	}
	s, problems := LoadForStart(opts)
	if s == nil || s.Config.Logging.Level != LevelWarn || s.Config.Apps["shop"].Instances != 1 || problems.Errors() != 1 {
		t.Errorf("snapshot %v:\n%s", s, rendered(t, problems))
	}
}

func TestPolicyBound(t *testing.T) {
	r := policies()
	for i := range maxRegistryValues + 1 {
		r.put(sz(fmt.Sprintf(`Settings\apps.a%d.instances`, i), "1"))
	}
	_, problems := Parse("x.yaml", []byte(policyFile), withPolicy(r))
	if problems.Errors() != 1 || problems[len(problems)-1].Code != codeTooLarge && problems[0].Code != codeTooLarge {
		t.Errorf("%s", rendered(t, problems))
	}
}

// TestPolicyOfAbsentEntries sets what the machine does not have: nothing changes, and it is told.
func TestPolicyOfAbsentEntries(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		value      RegistryValue
		want       string
	}{
		{"app", policyFile, sz(`AppInstances\shpo`, "3"), `there is no app "shpo" on this machine`},
		{"app by a pair", policyFile, sz(`Settings\apps.shpo.instances`, "3"), `did you mean "shop"?`},
		{"listener", policyFile, sz(`ListenerAddress\secure`, ":443"), `there is no listener "secure"`},
		{"certificate", policyFile, sz(`CertificateFile\shop`, "x.pem"), `there is no certificate "shop"`},
		{"route", policyFile, sz(`RouteTimeout\far`, "1s"), `there is no route "far"`},
		{"two settings of one key", policyFile, sz(`Settings\logging.level`, "error"), "logging.level has a policy of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := withPolicy(policies(sz("LogLevel", "warn"), tt.value))
			s := load(t, tt.text, opts)
			if told := rendered(t, s.Warnings); !strings.Contains(told, tt.want) {
				t.Errorf("want %q, got:\n%s", tt.want, told)
			}
			without := load(t, tt.text, withPolicy(policies(sz("LogLevel", "warn"))))
			if s.Hash != without.Hash {
				t.Error("it changes the configuration")
			}
		})
	}
	// What follows from a file that cannot be read is not told.
	_, problems := Parse("x.yaml", []byte("version: 1\napps: {shop: [\n"), withPolicy(policies(sz(`AppInstances\shop`, "3"))))
	if len(problems) != 1 {
		t.Errorf("%s", rendered(t, problems))
	}
}

// TestPolicyOfTheDefaultListener changes the listener that nobody defines, and keeps the rest of it.
func TestPolicyOfTheDefaultListener(t *testing.T) {
	const text = "version: 1\nroutes: {r: {respond: {}}}\n"
	r := policies(sz(`ListenerHTTP2\web`, "false"))
	r.set(testInstalledKey, sz("Port", "8000"))
	s := load(t, text, withPolicy(r))
	want := DefaultListener()
	want.Address, want.HTTP2 = ":8000", false
	if diff := cmp.Diff(map[string]Listener{"web": want}, s.Config.Listeners); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s = load(t, text, withPolicy(policies(sz(`Settings\listeners.extra.address`, ":9000"))))
	if len(s.Config.Listeners) != 2 || s.Config.Listeners["web"].Address != ":8080" {
		t.Errorf("listeners %+v", s.Config.Listeners)
	}
	if got := s.Config.Routes["r"].Listeners; !slices.Equal(got, []string{"extra", "web"}) {
		t.Errorf("the route answers on %v", got)
	}
}

// TestPolicyKeepsSecrets masks what a pair sets in an app's env.
func TestPolicyKeepsSecrets(t *testing.T) {
	s := load(t, policyFile, withPolicy(policies(sz(`Settings\apps.shop.env.TOKEN`, "hunter2"))))
	if s.Config.Apps["shop"].Env["TOKEN"].Reveal() != "hunter2" {
		t.Error("the variable is not set")
	}
	e, _ := s.Explain("apps.shop.env.TOKEN")
	if e.Value != Mask {
		t.Errorf("explain shows %v", e.Value)
	}
}

// FuzzPolicy writes anything as a value: nothing may panic, every problem has its place, and a start
// is never refused.
func FuzzPolicy(f *testing.F) {
	for _, p := range policyTable() {
		f.Add(p.Name, "shop", uint32(regSZ), sz("", "warn").Data)
		f.Add(p.Name, "", uint32(regDWORD), dword("", 1).Data)
	}
	f.Add("Settings", "apps.shop", uint32(regSZ), sz("", "{instances: 2, env: {A: b}}").Data)
	f.Add("Settings", "apps", uint32(regSZ), sz("", "{}").Data)
	f.Add("Settings", "a.b..c.", uint32(regSZ), sz("", "${env:X").Data)
	f.Add("Settings", "listeners.web.address", uint32(regSZ), []byte{0, 0xD8})
	f.Fuzz(func(t *testing.T, name, below string, typ uint32, data []byte) {
		v := RegistryValue{below, typ, data}
		r := &fakeRegistry{}
		if key, _, _ := strings.Cut(name, `\`); below == "" {
			v.Name = name
			r.set(testPolicyKey, v)
		} else {
			r.set(testPolicyKey+`\`+key, v)
		}
		s, problems := LoadForStart(Options{Registry: r, PolicyKey: testPolicyKey})
		if s == nil {
			t.Fatalf("a start is refused:\n%s", rendered(t, problems))
		}
		for _, p := range problems {
			if p.Message == "" || p.Place() == "" {
				t.Errorf("%+v has no message or place", p)
			}
		}
		if _, ok := s.Explain(""); !ok {
			t.Error("nothing can be explained")
		}
	})
}
