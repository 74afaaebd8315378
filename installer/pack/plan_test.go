package pack

import (
	"bytes"
	"encoding/binary"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/guid"
	"holdfast/installer/product"
)

var update = flag.Bool("update", false, "write the golden files")

// icon is an .ico file with one image.
func icon() []byte {
	b := make([]byte, 6+16+4)
	b[2], b[4] = 1, 1
	binary.LittleEndian.PutUint32(b[6+8:], 4)
	binary.LittleEndian.PutUint32(b[6+12:], 22)
	return b
}

// options pack a small shop.
func options(t *testing.T) Options {
	t.Helper()
	dir := folder(t, map[string]string{
		"shop/node.exe": pe(0x8664), "shop/server.js": "x", "shop/.env": "A=1", "shop/lib/a.js": "", "shop/lib/a.js.map": "12345",
		"holdfast.yaml": "version: 1\napps:\n  shop:\n    command: ['${install_dir}\\app\\node.exe', server.js]\n    directory: '${install_dir}\\app'\nroutes:\n  shop: {app: shop}\n",
		"shop.ico":      string(icon()), "licence.rtf": `{\rtf1 Mine}` + "\r\n",
	})
	return Options{
		Dir: filepath.Join(dir, "shop"), Config: filepath.Join(dir, "holdfast.yaml"), Name: "Shop", Display: "Acme Shop", Manufacturer: "Acme",
		Version: "2.1.0", UpgradeCode: code.Bare(), Icon: filepath.Join(dir, "shop.ico"), Licence: filepath.Join(dir, "licence.rtf"),
		Exclude: []string{"*.map"},
	}
}

func TestNew(t *testing.T) {
	o := options(t)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	want := product.Package{
		Product: product.Product{Name: "Shop", Display: "Acme Shop", Manufacturer: "Acme", Version: "2.1.0", UpgradeCode: code},
		Arch:    "x64", Culture: "en-US", Icon: icon(), Licence: []byte("{\\rtf1 Mine}\r\n"), App: true,
	}
	want.Seed, _ = os.ReadFile(o.Config)
	got := p.Package
	got.Fragments = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("package (-want +got):\n%s", diff)
	}
	paths, _ := installed(t, p.Package.Fragments["app.wxs"])
	var files []string
	for name := range maps.Keys(paths) {
		files = append(files, name)
	}
	if len(files) != 4 || paths["lib/a.js.map"] != "" || paths[".env"] == "" {
		t.Errorf("files %v", files)
	}
	again, err := New(o)
	if err != nil || !bytes.Equal(again.Package.Fragments["app.wxs"], p.Package.Fragments["app.wxs"]) || again.Package.Code() != p.Package.Code() {
		t.Errorf("twice not the same: %v", err)
	}
	o.Version = "2.1.1"
	if next, err := New(o); err != nil || next.Package.Code() == p.Package.Code() || !bytes.Equal(next.Package.Fragments["app.wxs"], p.Package.Fragments["app.wxs"]) {
		t.Errorf("the next version: product code %s, then %s; %v", p.Package.Code(), next.Package.Code(), err)
	}
}

func TestReport(t *testing.T) {
	p, err := New(options(t))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := p.Begin(&got); err != nil {
		t.Fatal(err)
	}
	if err := p.End(&got, "out/shop-2.1.0-x64.msi", 14_200_000); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"no upgrade code", func(o *Options) { o.UpgradeCode = "" }, []string{"--upgrade-code is missing", "made once and kept"}},
		{"no GUID", func(o *Options) { o.UpgradeCode = "{GUID}" }, []string{`--upgrade-code "{GUID}" is not a GUID`}},
		{"Holdfast's upgrade code", func(o *Options) { o.UpgradeCode = product.HoldfastUpgradeCode.Bare() }, []string{"Holdfast's own"}},
		{"an example's upgrade code", func(o *Options) { o.UpgradeCode = "c8f58b0c-8c78-48d6-9195-7d58deee68e6" }, []string{"that of the example HelloNode", "prints a fresh one"}},
		{"Holdfast's name", func(o *Options) { o.Name = "holdfast" }, []string{"Holdfast's own"}},
		{"Holdfast's name and code", func(o *Options) { o.Name, o.UpgradeCode = "Holdfast", string(product.HoldfastUpgradeCode) }, []string{"Holdfast's own"}},
		{"all of the identity", func(o *Options) {
			o.Name, o.Manufacturer, o.Version, o.UpgradeCode, o.Arch, o.Culture, o.Config = "", "", "1", "", "386", "de-DE", ""
		}, []string{
			"--name is missing", "manufacturer", "version", "--upgrade-code", "arch", "culture", "--config",
		}},
		{"no configuration", func(o *Options) { o.Config = "" }, []string{"--config is missing"}},
		{"configuration that is not there", func(o *Options) { o.Config += "x" }, []string{"--config", "no such file"}},
		{"configuration that is too large", func(o *Options) {
			if err := os.Truncate(o.Config, maxSeed+1); err != nil {
				panic(err)
			}
		}, []string{"more than 4.2 MB"}},
		{"configuration that is a folder", func(o *Options) { o.Config = o.Dir }, []string{"no ordinary file"}},
		{"folder that is not there", func(o *Options) { o.Dir += "x" }, []string{"cannot be opened"}},
		{"no folder", func(o *Options) { o.Dir = "" }, []string{"folder is missing"}},
		{"icon that is none", func(o *Options) { o.Icon = o.Config }, []string{"--icon", "it is no .ico file"}},
		{"licence that is none", func(o *Options) { o.Licence = o.Config }, []string{"--licence", "no rich text"}},
		{"files and folder at once", func(o *Options) { o.Icon, o.Dir = o.Config, "none" }, []string{"--icon", "cannot be opened"}},
		{"bad pattern", func(o *Options) { o.Exclude = []string{"**/x"} }, []string{"--exclude"}},
		{"no program left", func(o *Options) { o.Exclude = []string{"node.exe"} }, []string{"there is no file node.exe"}},
		{"program of another machine", func(o *Options) { o.Arch = "arm64"; o.Exclude = []string{"*.exe"} }, []string{"node.exe"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			tt.change(&o)
			_, err := New(o)
			if err == nil {
				t.Fatal("it is packed")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
	o := options(t)
	o.UpgradeCode = ""
	_, first := New(o)
	_, second := New(o)
	fresh := regexp.MustCompile(`--upgrade-code "(\{[0-9A-F-]{36}\})"`)
	a, b := fresh.FindStringSubmatch(first.Error()), fresh.FindStringSubmatch(second.Error())
	if len(a) != 2 || len(b) != 2 || a[1] == b[1] {
		t.Fatalf("no fresh upgrade code: %v; %v", first, second)
	}
	if _, err := guid.Parse(a[1]); err != nil {
		t.Error(err)
	}
}

func TestCodepage(t *testing.T) {
	for _, tt := range []struct {
		culture, display, file string
		unicode                bool
		want                   string
	}{
		{"en-US", "Müller & Söhne €", "über.txt", false, ""},
		{"en-US", "Shop", "商店.txt", true, ""},
		{"zh-CN", "商店", "商店.txt", false, ""},
		{"zh-CN", "商店", "😀.txt", true, ""},
		{"en-US", "商店", "a.txt", false, "code page 1252"},
		{"zh-CN", "Söhne ß", "a.txt", false, "code page 936"},
	} {
		t.Run(tt.culture+" "+tt.display+" "+tt.file, func(t *testing.T) {
			o := options(t)
			o.Culture, o.Display = tt.culture, tt.display
			if err := os.WriteFile(filepath.Join(o.Dir, tt.file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := New(o)
			if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if err == nil && p.Package.Unicode != tt.unicode {
				t.Errorf("Unicode %v, want %v", p.Package.Unicode, tt.unicode)
			}
		})
	}
}

func TestConfigurationInTheFolder(t *testing.T) {
	o := options(t)
	text, _ := os.ReadFile(o.Config)
	o.Config = filepath.Join(o.Dir, "holdfast.yaml")
	if err := os.WriteFile(o.Config, text, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := New(o)
	if err != nil || !strings.Contains(strings.Join(p.Warnings, "\n"), "leave it out with --exclude holdfast.yaml") {
		t.Errorf("%v; warnings %q", err, p.Warnings)
	}
}

func TestCheckIcon(t *testing.T) {
	if err := checkIcon("x", icon()); err != nil {
		t.Error(err)
	}
	big := bytes.Clone(icon())
	binary.LittleEndian.PutUint32(big[6+8:], 5)
	far := bytes.Clone(icon())
	binary.LittleEndian.PutUint32(far[6+12:], 0xffffffff)
	for name, data := range map[string][]byte{
		"empty": nil, "PNG": []byte("\x89PNG\r\n\x1a\n"), "cursor": {0, 0, 2, 0, 1, 0}, "no images": {0, 0, 1, 0, 0, 0},
		"images without entries": {0, 0, 1, 0, 255, 255}, "image beyond the end": big, "image far beyond the end": far, "cut off": icon()[:24],
	} {
		if err := checkIcon("x", data); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestCheckLicence(t *testing.T) {
	for text, ok := range map[string]bool{`{\rtf1\ansi x}`: true, "{\\rtf1 x}\r\n\x00": true, "": false, "MIT License": false, `{\rtf1 x`: false, "{\\rtf1 \xff}": false} {
		if err := checkLicence("x", []byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
