package ice_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/msi/ice"
	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/pack"
	"holdfast/installer/product"
)

// Holdfast's own package breaks no rule. The two warnings are meant: the same version for another
// architecture or language, and with HF_ALLOWDOWNGRADE a newer one, are replaced.
func TestHoldfast(t *testing.T) {
	own := product.Holdfast("1.2.3")
	tests := []struct {
		name string
		p    product.Package
		test bool
	}{
		{"x64, English", product.Package{Product: own, Arch: "x64", Culture: "en-US"}, false},
		{"arm64, English", product.Package{Product: own, Arch: "arm64", Culture: "en-US"}, false},
		{"x64, Chinese", product.Package{Product: own, Arch: "x64", Culture: "zh-CN"}, false},
		{"for tests", product.Package{Product: own, Arch: "x64", Culture: "en-US"}, true},
		{"a packed program", packed(t), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var warnings []string
			for _, f := range ice.Verify(sample.Real(t, test.p, test.test)) {
				if f.Severity == ice.Error {
					t.Error(f)
				} else {
					warnings = append(warnings, f.Rule+" "+f.Row)
				}
			}
			code := string(test.p.Product.UpgradeCode)
			want := "ICE61 " + code + "/1.2.3///0 ICE61 " + code + "/1.2.3/1.2.3//768"
			if got := strings.Join(warnings, " "); got != want {
				t.Errorf("warnings %s", got)
			}
		})
	}
}

// packed is a package of somebody's own program.
func packed(t *testing.T) product.Package {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"shop.exe": sample.Program(t, "2.1.0.0"), "static/index with spaces.html": []byte("<p>"), "static/app.js": []byte("1"),
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(config, []byte("version: 1\napps:\n  shop:\n    command: ['${install_dir}\\app\\shop.exe']\n    directory: '${install_dir}\\app'\nroutes:\n  shop: {app: shop}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := pack.New(pack.Options{
		Dir: dir, Config: config, Name: "Shop", Manufacturer: "Acme", Version: "1.2.3", UpgradeCode: "{6F3E3A5C-6F2B-4B7B-9E64-0B8B2F5C7E11}",
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Package
}
