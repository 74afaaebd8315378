package api

import (
	"strings"
	"testing"
)

func TestServiceSID(t *testing.T) {
	// Documented and constant on every Windows.
	const want = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
	for _, name := range []string{"TrustedInstaller", "trustedinstaller"} {
		if got := serviceSID(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestPipeDescriptor(t *testing.T) {
	const user = "S-1-5-21-1-2-3-1001"
	if got := pipeDescriptor("Holdfast", user); !strings.HasPrefix(got, "D:P(D;;GA;;;NU)") || !strings.HasSuffix(got, "(A;;GA;;;"+user+")") {
		t.Errorf("descriptor %s", got)
	}
	for _, shared := range []string{"S-1-5-18", "S-1-5-19", "S-1-5-20"} {
		if got := pipeDescriptor("Holdfast", shared); strings.Contains(got, shared) {
			t.Errorf("descriptor %s names an account that other services share", got)
		}
	}
}
