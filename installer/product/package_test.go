package product_test

import (
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/guid"
	"holdfast/installer/product"
)

func TestDefines(t *testing.T) {
	in := product.Inputs{
		HoldfastExe: "a", SetupExe: "b", Template: "c", Licence: "d", PolicyZip: "e", NameFile: "f",
		Icon: "g", Banner: "h", Background: "i", HoldfastVersion: "0.9.0",
	}
	packed := product.Package{Product: shop(), Arch: "x64", Culture: "en-US", App: true}.Defines(in)
	for name, want := range map[string]string{
		"Version": "2.1.0", "ProductName": "Acme Shop", "Manufacturer": "Acme", "ServiceName": "Shop", "UpgradeCode": string(code),
		"ProductCode": string(shop().ProductCode("x64", "en-US")), "Arch": "x64", "HelpUrl": "", "HoldfastVersion": "0.9.0",
		"HoldfastExe": "a", "SetupExe": "b", "TemplateFile": "c", "LicenceFile": "d", "PolicyZip": "e", "NameFile": "f",
		"Icon": "g", "Banner": "h", "Background": "i", "HasApp": "1",
	} {
		if got, ok := packed[name]; !ok || got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if _, ok := packed["TestBuild"]; ok {
		t.Error("TestBuild is defined without being asked for")
	}
	in.Test = true
	own := product.Package{Product: product.Holdfast("1.2.3"), Arch: "arm64", Culture: "en-US"}.Defines(in)
	if own["TestBuild"] != "1" || own["ProductName"] != "Holdfast" {
		t.Errorf("own package: %v", own)
	}
	for _, name := range append(product.ComponentVariables(), "HasApp") {
		if _, ok := own[name]; ok {
			t.Errorf("own package: %s is defined", name)
		}
	}
	// Two products that shared a component would keep each other's files alive, or take them away.
	another := shop()
	another.UpgradeCode = guid.URL
	seen := map[string]bool{}
	for _, d := range []map[string]string{packed, product.Package{Product: another, Arch: "x64", Culture: "en-US"}.Defines(in)} {
		for _, name := range product.ComponentVariables() {
			if g, err := guid.Parse(d[name]); err != nil || seen[string(g)] {
				t.Errorf("%s = %q, seen before or %v", name, d[name], err)
			}
			seen[d[name]] = true
		}
	}
}

func TestFileName(t *testing.T) {
	for want, p := range map[string]product.Package{
		"shop-2.1.0-x64.msi":       {Product: shop(), Arch: "x64", Culture: "en-US"},
		"shop-2.1.0-arm64.msi":     {Product: shop(), Arch: "arm64", Culture: "en-US"},
		"shop-2.1.0-x64-zh-CN.msi": {Product: shop(), Arch: "x64", Culture: "zh-CN"},
	} {
		if got := p.FileName(); got != want {
			t.Errorf("FileName() = %q, want %q", got, want)
		}
	}
}

func TestArchOf(t *testing.T) {
	for goarch, want := range map[string]string{"amd64": "x64", "x64": "x64", "arm64": "arm64", "386": "", "": ""} {
		got, err := product.ArchOf(goarch)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ArchOf(%q) = %q, %v", goarch, got, err)
		}
		if err == nil && goarch != "x64" && (product.Package{Arch: got}).GOARCH() != goarch {
			t.Errorf("GOARCH of %s is not %s", got, goarch)
		}
	}
}

func TestSources(t *testing.T) {
	wix := fstest.MapFS{"package.wxs": {Data: []byte("<a/>")}, "ui/en.wxl": {Data: []byte("<b/>")}}
	p := product.Package{Fragments: map[string][]byte{"z.wxs": []byte("<z/>"), "app.wxs": []byte("<app/>")}}
	all, names := p.Sources(wix)
	if diff := cmp.Diff([]string{"app.wxs", "z.wxs"}, names); diff != "" {
		t.Errorf("fragments (-want +got):\n%s", diff)
	}
	want := map[string]string{"package.wxs": "<a/>", "ui/en.wxl": "<b/>", "z.wxs": "<z/>", "app.wxs": "<app/>"}
	got := maps.Clone(want)
	for name := range want {
		data, err := fs.ReadFile(all, name)
		if err != nil {
			t.Error(err)
		}
		got[name] = string(data)
		if info, err := fs.Stat(all, name); err != nil || info.Size() != int64(len(data)) {
			t.Errorf("Stat(%s): %v", name, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := fs.ReadFile(all, "none.wxs"); err == nil {
		t.Error("a file that is not there can be read")
	}
}
