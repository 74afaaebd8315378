package pack

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNameProblem(t *testing.T) {
	for _, good := range []string{
		"server.js", ".env", "a b", "[id].js", "(group)", "+page.svelte", "$lib", "@scope", "a;b", "a'b", "a&b", "a%b", "a!b", "a!(1).txt",
		"商店.txt", "über", "😀", "console.js", "nulls", "com10", "com", "lpt", "aux1", "x.nul", "COMA", strings.Repeat("x", maxName),
	} {
		if text, _ := nameProblem(good); text != "" {
			t.Errorf("%q: %s", good, text)
		}
	}
	for bad, want := range map[string]string{
		"": "no name", ".": "no name", "..": "no name",
		"a<b": "no names with", "a>b": "no names with", "a:b": "no names with", `a"b`: "no names with", `a\b`: "no names with",
		"a|b": "no names with", "a?b": "no names with", "a*b": "no names with",
		"a\nb": "U+000A", "a\x00b": "U+0000", "a\x7f": "U+007F", "a\u0085": "U+0085",
		"a.": "dot or space", "a ": "dot or space", "...": "dot or space", " a": "begins with a space",
		"con": "device", "CON": "device", "nul.txt": "device", "NUL.tar.gz": "device", "aux": "device", "prn.js": "device", "com1": "device",
		"COM9.log": "device", "lpt0": "device", "lpt¹": "device", "COM³.x": "device", "conin$": "device", "CONOUT$": "device", "con .txt": "device",
		"a\xff": "UTF-8", "a\ufffd": "no character", "a\ufdd0": "no character", "a\uffff": "no character",
		"$(var.x)": "variable", "!(loc.x)": "variable", "x!(bind.y)": "variable",
		strings.Repeat("x", maxName+1): "at most 242", strings.Repeat("😀", maxName/2+1): "at most 242",
	} {
		if text, cure := nameProblem(bad); !strings.Contains(text, want) || cure == "" {
			t.Errorf("%q: %q; %q, want %q", bad, text, cure, want)
		}
	}
}

func FuzzNameProblem(f *testing.F) {
	for _, seed := range []string{"server.js", "nul.txt", "a ", "😀", "con¹"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		text, cure := nameProblem(name)
		if (text == "") != (cure == "") {
			t.Errorf("%q: %q but %q", name, text, cure)
		}
		if text == "" && (!utf8.ValidString(name) || strings.ContainsAny(name, "<>:\"/\\|?*\x00") || strings.TrimRight(name, " .") != name) {
			t.Errorf("%q passes", name)
		}
	})
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct{ pattern, means, not string }{
		{"*.map", "a.map lib/a.MAP x/y/z.map", "a.mapx map"},
		{".git", ".git sub/.git .GIT", ".gitignore"},
		{"node_modules/.cache", "node_modules/.cache node_modules/.cache/x/y", "x/node_modules/.cache node_modules/.cachex"},
		{`node_modules\.cache`, "node_modules/.cache", "node_modules"},
		{"node_modules/", "node_modules a/node_modules/b", "node_module"},
		{"./dist", "dist dist/a.js", "lib/dist"},
		{"/dist", "dist", "lib/dist"},
		{"a/*/c", "a/b/c a/x/c/d", "a/c a/b/b/c"},
		{"[ab].js", "a.js x/b.js", "c.js"},
		{"id_???", "id_rsa", "id_ed25519"},
	} {
		all, err := parsePatterns("exclude", []string{tt.pattern})
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		for rel := range strings.FieldsSeq(tt.means) {
			if !all[0].within(rel) {
				t.Errorf("%s does not mean %s", tt.pattern, rel)
			}
		}
		for rel := range strings.FieldsSeq(tt.not) {
			if all[0].within(rel) {
				t.Errorf("%s means %s", tt.pattern, rel)
			}
		}
	}
	for _, bad := range []string{"", "/", ".", "..", "../x", "a//b", "a/./b", "[", "a/[b", "**", "a/**/b", "**.js"} {
		if _, err := parsePatterns("exclude", []string{bad}); err == nil || !strings.Contains(err.Error(), "--exclude") {
			t.Errorf("%q: %v, want an error", bad, err)
		}
	}
}

func TestSuspect(t *testing.T) {
	for _, tt := range []struct{ name, head, want string }{
		{".env", "", "environment"},
		{"config/.env.production", "", "environment"},
		{".env.example", "", ""},
		{"environment.js", "", ""},
		{"ID_RSA", "", "SSH"},
		{"id_rsa.pub", "ssh-rsa AAAA", ""},
		{"code.PFX", "", "certificate"},
		{"server.pem", "-----BEGIN PRIVATE KEY-----\nMII", "private key"},
		{"server.txt", "\ufeff\r\nnote\r\n-----BEGIN RSA PRIVATE KEY-----\r\nMII", "private key"},
		{"key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3", "private key"},
		{"ca.pem", "-----BEGIN CERTIFICATE-----\nMII", ""},
		{"test.js", `const key = "-----BEGIN PRIVATE KEY-----";`, ""},
		{".npmrc", "registry=https://example.com", ""},
		{".npmrc", "//example.com/:_authToken=abc", "registry"},
		{"google.json", `{"type": "service_account", "private_key": "x"}`, "account"},
		{"package.json", `{"private": true}`, ""},
		{"dist/shop-2.0.0-x64.msi", "", "package"},
		{"x.tfstate", "", "Terraform"},
		{"server.js", "", ""},
	} {
		got := suspect(tt.name, []byte(tt.head))
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestMachine(t *testing.T) {
	for _, tt := range []struct {
		name string
		head string
		want Machine
	}{
		{"text", "hello", ""},
		{"nothing", "", ""},
		{"amd64", pe(0x8664), machineX64},
		{"arm64", pe(0xaa64), machineARM64},
		{"386", pe(0x14c), machineX86},
		{"itanium", pe(0x200), machineOther},
		{"DOS", "MZ" + strings.Repeat("\x00", 100), ""},
		{"cut off", pe(0x8664)[:69], ""},
		{"header beyond the end", "MZ" + strings.Repeat("\x00", 58) + "\xff\xff\xff\xff" + strings.Repeat("\x00", 10), ""},
		{"Linux", "\x7fELF\x02\x01", machineELF},
		{"macOS", "\xcf\xfa\xed\xfe\x07", machineMac},
		{"macOS, two machines", "\xca\xfe\xba\xbe\x00\x00\x00\x02", machineMac},
		{"Java class", "\xca\xfe\xba\xbe\x00\x00\x00\x34", ""},
	} {
		if got := machineOf([]byte(tt.head)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// pe is the beginning of a Windows program.
func pe(machine uint16) string {
	return "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00" + "PE\x00\x00" + string([]byte{byte(machine), byte(machine >> 8)}) + strings.Repeat("\x00", 100)
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte(pe(0x8664)))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if m := machineOf(head); m.Windows() && !strings.HasPrefix(string(head), "MZ") {
			t.Errorf("%q is %s", head, m)
		}
		_ = suspect("x.json", head)
	})
}
