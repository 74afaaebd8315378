package config

import (
	"strings"
	"testing"
)

// TestInstalled gives the default listener the address that was chosen at setup.
func TestInstalled(t *testing.T) {
	const none, own = "version: 1\n", "version: 1\nlisteners: {other: {address: ':9000'}}\n"
	for _, tt := range []struct {
		name    string
		text    string
		values  []RegistryValue
		want    string
		source  string
		problem string
	}{
		{"nothing", none, nil, ":8080", "default", ""},
		{"port", none, []RegistryValue{sz("Port", "80")}, ":80", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"address", none, []RegistryValue{sz("Address", "127.0.0.1")}, "127.0.0.1:8080", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"both", none, []RegistryValue{sz("Address", "10.0.0.5"), sz("Port", "81")}, "10.0.0.5:81", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"any case", none, []RegistryValue{sz("ADDRESS", "10.0.0.5"), sz("port", "81")}, "10.0.0.5:81", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"every address", none, []RegistryValue{sz("Address", "*"), sz("Port", "81")}, ":81", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"no address", none, []RegistryValue{sz("Address", ""), sz("Port", "81")}, ":81", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"IPv6", none, []RegistryValue{sz("Address", "::1"), sz("Port", "81")}, "[::1]:81", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"IPv6 in brackets", none, []RegistryValue{sz("Address", "[::1]")}, "[::1]:8080", `setup HKLM\SOFTWARE\Holdfast`, ""},
		{"what else setup keeps", none, []RegistryValue{sz("Version", "1.2.3"), sz("Account", "LocalService")}, ":8080", "default", ""},
		{"a file with listeners", own, []RegistryValue{sz("Port", "81")}, "", "", ""},
		{"a file with listeners and a bad port", own, []RegistryValue{sz("Port", "x")}, "", "", ""},
		{"bad port", none, []RegistryValue{sz("Address", "10.0.0.5"), sz("Port", "99999")}, "10.0.0.5:8080", `setup HKLM\SOFTWARE\Holdfast`, `"99999" is not a port`},
		{"no port", none, []RegistryValue{sz("Port", "0")}, ":8080", "default", `"0" is not a port`},
		{"wrong type", none, []RegistryValue{dword("Port", 80)}, ":8080", "default", "Port: its type is REG_DWORD, not REG_SZ; the default counts"},
		{"an address with a port", none, []RegistryValue{sz("Address", "10.0.0.5:80"), sz("Port", "81")}, ":81", `setup HKLM\SOFTWARE\Holdfast`, `"10.0.0.5:80" is not an address`},
		{"a URL", none, []RegistryValue{sz("Address", "http://x")}, ":8080", "default", `Address: "http://x" is not an address`},
		{"two addresses", none, []RegistryValue{sz("Address", "a b")}, ":8080", "default", `"a b" is not the name or address`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &fakeRegistry{}
			for _, v := range tt.values {
				r.set(testInstalledKey, v)
			}
			s := load(t, tt.text, withPolicy(r))
			if got := s.Config.Listeners["web"].Address; got != tt.want {
				t.Errorf("address %q, want %q", got, tt.want)
			}
			if e, known := s.Explain("listeners.web.address"); known != (tt.want != "") || e.Source != tt.source {
				t.Errorf("source %q, want %q", e.Source, tt.source)
			}
			told := rendered(t, s.Warnings)
			if tt.problem == "" && told != "" || !strings.Contains(told, tt.problem) || tt.problem != "" && !strings.Contains(told, codeInstalled) {
				t.Errorf("want %q, told:\n%s", tt.problem, told)
			}
		})
	}
}

// TestInstalledAndOthers holds setup's address against the layers above it and what it meets there.
func TestInstalledAndOthers(t *testing.T) {
	r := &fakeRegistry{}
	r.set(testInstalledKey, sz("Port", "7000"))
	opts := withPolicy(r)
	opts.Environ = []string{"HOLDFAST_LISTENERS__WEB__ADDRESS=:7001"}
	if s := load(t, "version: 1\n", opts); s.Config.Listeners["web"].Address != ":7001" {
		t.Errorf("a variable does not win: %+v", s.Config.Listeners)
	}
	opts.Environ = nil
	_, problems := Parse("x.yaml", []byte("version: 1\napps: {a: {command: [serve], port: 7000}}\n"), opts)
	if problems.Errors() != 1 || problems.only(Error)[0].Code != codePorts {
		t.Errorf("a port that setup took:\n%s", rendered(t, problems))
	}
	r.set(testInstalledKey, sz("Port", "9180"))
	_, problems = Parse("x.yaml", []byte("version: 1\n"), opts)
	if problems.Errors() != 1 || problems[0].Source != `setup HKLM\SOFTWARE\Holdfast` {
		t.Errorf("a port that the management API has:\n%s", rendered(t, problems))
	}
	r.denied = testInstalledKey
	if s := load(t, "version: 1\n", opts); s.Config.Listeners["web"].Address != ":8080" || !strings.Contains(rendered(t, s.Warnings), "cannot be read") {
		t.Errorf("a key that cannot be read: %+v\n%s", s.Config.Listeners, rendered(t, s.Warnings))
	}
}
