package ice_test

import (
	"strings"
	"testing"

	"holdfast/installer/msi/ice"
	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/product"
)

// Holdfast's own package breaks no rule. The two warnings are meant: the same version for another
// architecture or language, and with HF_ALLOWDOWNGRADE a newer one, are replaced.
func TestHoldfast(t *testing.T) {
	tests := []struct {
		name string
		p    product.Package
		test bool
	}{
		{"x64, English", product.Package{Arch: "x64", Culture: "en-US"}, false},
		{"arm64, English", product.Package{Arch: "arm64", Culture: "en-US"}, false},
		{"x64, Chinese", product.Package{Arch: "x64", Culture: "zh-CN"}, false},
		{"for tests", product.Package{Arch: "x64", Culture: "en-US"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.p.Product = product.Holdfast("1.2.3")
			var warnings []string
			for _, f := range ice.Verify(sample.Real(t, test.p, test.test)) {
				if f.Severity == ice.Error {
					t.Error(f)
				} else {
					warnings = append(warnings, f.Rule+" "+f.Row)
				}
			}
			code := string(product.HoldfastUpgradeCode)
			want := "ICE61 " + code + "/1.2.3///0 ICE61 " + code + "/1.2.3/1.2.3//768"
			if got := strings.Join(warnings, " "); got != want {
				t.Errorf("warnings %s", got)
			}
		})
	}
}
