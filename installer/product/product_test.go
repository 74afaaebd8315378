package product_test

import (
	"strings"
	"testing"

	"holdfast/installer/guid"
	"holdfast/installer/product"
)

const code guid.GUID = "{0E1B8C77-95A4-4C5C-8F53-6B0A3E7D9C11}"

func shop() product.Product {
	return product.Product{Name: "Shop", Display: "Acme Shop", Manufacturer: "Acme", Version: "2.1.0", UpgradeCode: code}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*product.Product)
		want   []string // parts of the error; none: no error
	}{
		{"as it should be", func(*product.Product) {}, nil},
		{"no display name", func(p *product.Product) { p.Display = "" }, nil},
		{"a name for people", func(p *product.Product) { p.Display = "Müller & Söhne: 'Läden' <商店>!" }, nil},
		{"help", func(p *product.Product) { p.HelpURL = "https://example.com/shop?a=b&c=d" }, nil},
		{"Holdfast's own", func(p *product.Product) { *p = product.Holdfast("1.2.3") }, nil},
		{"Holdfast from the sources", func(p *product.Product) { *p = product.Holdfast("0.0.0-dev") }, nil},

		{"no name", func(p *product.Product) { p.Name = "" }, []string{"--name is missing"}},
		{"name with a space", func(p *product.Product) { p.Name = "Acme Shop" }, []string{`name "Acme Shop"`, "--display"}},
		{"name with a quote", func(p *product.Product) { p.Name = `a"b` }, []string{"name"}},
		{"device", func(p *product.Product) { p.Name = "con" }, []string{"Windows keeps this name"}},
		{"another's service", func(p *product.Product) { p.Name = "Spooler" }, []string{"other software"}},
		{"another's folder", func(p *product.Product) { p.Name = "nodejs" }, []string{"other software"}},
		{"Holdfast's name", func(p *product.Product) { p.Name = "HOLDFAST" }, []string{"Holdfast's own"}},
		{"Holdfast's name as it is", func(p *product.Product) { p.Name = "Holdfast" }, []string{"Holdfast's own"}},
		{"Holdfast's upgrade code", func(p *product.Product) { p.UpgradeCode = product.HoldfastUpgradeCode }, []string{"upgrade code", "replace each other"}},

		{"display with a property", func(p *product.Product) { p.Display = "Shop [INSTALLDIR]" }, []string{"display name", "["}},
		{"display with a quote", func(p *product.Product) { p.Display = `Shop" --purge "` }, []string{"display name", `"`}},
		{"display with a backslash", func(p *product.Product) { p.Display = `Shop\` }, []string{"display name", `\`}},
		{"display with a variable", func(p *product.Product) { p.Display = "Shop $(env.PATH)" }, []string{"display name", "$("}},
		{"display with a localisation", func(p *product.Product) { p.Display = "Shop !(loc.X)" }, []string{"display name", "!("}},
		{"display with a line break", func(p *product.Product) { p.Display = "Shop\nShop" }, []string{"U+000A"}},
		{"display that turns text around", func(p *product.Product) { p.Display = "Shop\u202e" }, []string{"U+202E"}},
		{"display that is no text", func(p *product.Product) { p.Display = "Shop\xff" }, []string{"UTF-8"}},
		{"display with spaces around", func(p *product.Product) { p.Display = " Shop" }, []string{"spaces around"}},
		{"display too long", func(p *product.Product) { p.Display = strings.Repeat("ä", 65) }, []string{"65 characters"}},
		{"no manufacturer", func(p *product.Product) { p.Manufacturer = "" }, []string{"manufacturer: it is empty"}},

		{"no upgrade code", func(p *product.Product) { p.UpgradeCode = "" }, []string{"upgrade code: it is missing"}},
		{"upgrade code without braces", func(p *product.Product) { p.UpgradeCode = "0E1B8C77-95A4-4C5C-8F53-6B0A3E7D9C11" }, []string{"write {0E1B8C77"}},
		{"upgrade code of zeros", func(p *product.Product) { p.UpgradeCode = "{00000000-0000-0000-0000-000000000000}" }, []string{"empty GUID"}},
		{"not a GUID", func(p *product.Product) { p.UpgradeCode = "{GUID}" }, []string{"is not a GUID"}},

		{"url without a scheme", func(p *product.Product) { p.HelpURL = "example.com" }, []string{"url"}},
		{"url of a script", func(p *product.Product) { p.HelpURL = "javascript:alert(1)" }, []string{"url"}},
		{"url with a password", func(p *product.Product) { p.HelpURL = "https://a:b@example.com" }, []string{"url"}},
		{"url of nothing", func(p *product.Product) { p.HelpURL = "https:///x" }, []string{"url"}},

		{"all at once", func(p *product.Product) { *p = product.Product{} }, []string{"name", "manufacturer", "version", "upgrade code"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := shop()
			tt.change(&p)
			err := p.Check()
			if (err != nil) != (len(tt.want) > 0) {
				t.Fatalf("Check() = %v, want an error: %v", err, len(tt.want) > 0)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Check() = %q, want %q in it", err, want)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	tests := []struct{ version, want string }{
		{"2.1.0", ""},
		{"0.0.0", ""},
		{"255.255.65535", ""},
		{"", "missing"},
		{"256.0.0", "first number is at most 255"},
		{"0.256.0", "second number is at most 255"},
		{"0.0.65536", "third number is at most 65535"},
		{"0.0.99999999999999999999", "not a number"},
		{"2.1", "exactly three"},
		{"2.1.0.4", "exactly three"},
		{"2.01.0", "write 1 instead of 01"},
		{"v2.1.0", "without the v: 2.1.0"},
		{"2.1.0-rc.1", "no pre-releases and would take it for 2.1.0 itself"},
		{"2.1.0+build5", "take it for 2.1.0 itself"},
		{"2.1.x", `"x" is not a number`},
		{"2..0", `"" is not a number`},
		{"２.1.0", "not a number"},
		{" 2.1.0", "not a number"},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			p := shop()
			p.Version = tt.version
			err := p.Check()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestCodes(t *testing.T) {
	p := shop()
	next := p
	next.Version = "2.1.1"
	other := p
	other.UpgradeCode = guid.DNS
	seen := map[guid.GUID]string{}
	for what, g := range map[string]guid.GUID{
		"x64":                  p.ProductCode("x64", "en-US"),
		"arm64":                p.ProductCode("arm64", "en-US"),
		"Chinese":              p.ProductCode("x64", "zh-CN"),
		"next version":         next.ProductCode("x64", "en-US"),
		"another product":      other.ProductCode("x64", "en-US"),
		"a file":               p.FileComponent("server.js"),
		"a file called so":     p.FileComponent("2.1.0/x64/en-US"),
		"another file":         p.FileComponent("a/b"),
		"another's file":       other.FileComponent("server.js"),
		"its own upgrade code": p.UpgradeCode,
	} {
		if before, ok := seen[g]; ok {
			t.Errorf("%s and %s share %s", what, before, g)
		}
		seen[g] = what
		if _, err := guid.Parse(string(g)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, want := p.ProductCode("x64", "en-US"), guid.GUID("{393E6CAB-4AD6-5625-9F92-EA1A04D877B3}"); got != want {
		t.Errorf("product code %s, want %s: installed products would not be known again", got, want)
	}
	if p.FileComponent(`Lib\Server.JS`) != p.FileComponent("lib/server.js") {
		t.Error("one path on Windows has two components")
	}
}
