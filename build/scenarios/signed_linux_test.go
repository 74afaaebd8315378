//go:build wine

package scenarios

import (
	"path/filepath"
	"testing"

	"holdfast/installer/sign"
)

// A signature is verified by another implementation than the one that made it, and Windows Installer
// takes the package as before.
func TestSignedPackage(t *testing.T) {
	m := fresh(t)
	files, err := filepath.Glob(filepath.Join(packagesDir, "signed-1.0.0", "*.msi"))
	if err != nil || len(files) != 1 {
		t.Fatalf("signed packages: %v, %v, want one", files, err)
	}
	verifier, err := sign.BuildVerifier(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	verify := sign.VerifyOptions{Tool: verifier, Roots: []string{filepath.Join(packagesDir, "signed-1.0.0", "certificate.pem")}}
	if s, err := sign.Verify(t.Context(), files[0], verify); err != nil || !s.Trusted {
		t.Errorf("verify: %+v, %v", s, err)
	}
	m.write(seedFile, seed)
	m.msiexec("/i", pkg("signed-1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", greeting)
	m.entry("Holdfast", "1.0.0")
}
