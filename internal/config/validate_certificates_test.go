package config

import (
	"strings"
	"testing"
)

// TestWindowsStore checks for a machine with Windows, whatever this one is.
func TestWindowsStore(t *testing.T) {
	const digits = "0123456789abcdef0123456789ABCDEF01234567"
	for _, tt := range []struct{ name, store, want string }{
		{"subject", "{subject: shop.test}", ""},
		{"thumbprint", "{thumbprint: " + digits + "}", ""},
		{"thumbprint with spaces", "{thumbprint: '" + digits[:2] + " " + digits[2:] + "'}", ""},
		{"thumbprint with colons", "{thumbprint: '" + digits[:2] + ":" + digits[2:] + "'}", ""},
		{"neither", "{}", "nothing says which"},
		{"both", "{subject: shop.test, thumbprint: " + digits + "}", "twice"},
		{"short thumbprint", "{thumbprint: abcdef}", "is not the SHA-1"},
		{"SHA-256", "{thumbprint: " + digits + digits[:24] + "}", "is not the SHA-1"},
		{"no thumbprint", "{thumbprint: shop.test}", "is not the SHA-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "version: 1\nlisteners: {s: {address: ':443', certificate: c}}\ncertificates: {c: {windows_store: " + tt.store + "}}\n"
			problems := Check("holdfast.yaml", []byte(text), Options{Elsewhere: "windows"})
			if got := rendered(t, problems); (problems.Errors() == 0) != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestIsHostName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "shop.example.com": true, "*.example.com": true, "xn--bcher-kva.test": true, "_a.test": true,
		"": false, "*": false, "*.": false, "a.*.test": false, "a..b": false, "-a": false, "a b": false, "b\u00fccher.test": false,
	} {
		if IsHostName(name) != want {
			t.Errorf("IsHostName(%q) = %v", name, !want)
		}
	}
}
