package sign_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/installer/sign"
)

// verifier is the tool of package sign, built once.
var verifier = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	return sign.BuildVerifier(context.Background(), root)
})

// trust verifies against these roots, or any signer without one.
func trust(t *testing.T, roots ...string) sign.VerifyOptions {
	t.Helper()
	tool, err := verifier()
	if err != nil {
		t.Fatal(err)
	}
	return sign.VerifyOptions{Tool: tool, Roots: roots, AnyRoot: len(roots) == 0}
}

// program is a Windows executable, built once.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sign")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-o", "x.exe", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.New(string(said))
	}
	return os.ReadFile(filepath.Join(dir, "x.exe"))
})

func newProgram(t *testing.T) string {
	t.Helper()
	data, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.exe")
	if err := os.WriteFile(file, data, 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// marker is text in the tables of newPackage.
const marker = "MarkerOfThisPackage"

func newPackage(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.msi")
	for _, args := range [][]string{
		{"-s", "Installation Database", "Acme", "x64;1033", "{2B1C0F1E-6E1A-4A6B-9C55-0B4E8C8E2F10}"},
		{"-q", "CREATE TABLE `Property` (`Property` CHAR(72) NOT NULL, `Value` LONGCHAR NOT NULL LOCALIZABLE PRIMARY KEY `Property`)"},
		{"-q", "INSERT INTO `Property` (`Property`, `Value`) VALUES ('ProductName', '" + marker + "')"},
	} {
		if said, err := exec.Command("msibuild", append([]string{file}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("msibuild: %v\n%s", err, said)
		}
	}
	return file
}

func TestSignAndVerify(t *testing.T) {
	ours, others := newAuthority(t, "Test Root"), newAuthority(t, "Another Root")
	later := time.Now().Add(time.Hour)
	cert, key := ours.signer(t, "acme", x509.ExtKeyUsageCodeSigning, later)
	for kind, newFile := range map[string]func(*testing.T) string{"exe": newProgram, "msi": newPackage} {
		t.Run(kind, func(t *testing.T) {
			file := newFile(t)
			if _, err := sign.Verify(t.Context(), file, trust(t, ours.root())); !errors.Is(err, sign.ErrNotVerified) || !strings.Contains(err.Error(), "not signed") {
				t.Errorf("unsigned: %v", err)
			}
			if signed, err := sign.Signed(file); (err == nil) != (kind == "exe") || signed {
				t.Errorf("Signed before: %v, %v", signed, err)
			}
			if err := sign.Sign(t.Context(), file, sign.Options{Cert: cert, Key: key, Description: "Acme Shop", URL: "https://example.com"}); err != nil {
				t.Fatal(err)
			}
			if signed, err := sign.Signed(file); kind == "exe" && (err != nil || !signed) {
				t.Errorf("Signed: %v, %v", signed, err)
			}
			got, err := sign.Verify(t.Context(), file, trust(t, ours.root()))
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != kind || got.Hash != "SHA-256" || got.Subject != "CN=acme" || got.Issuer != "CN=Test Root" ||
				!got.Trusted || got.Timestamp != nil || len(got.Thumbprint) != 64 || got.Description != "Acme Shop" {
				t.Errorf("got %+v", got)
			}
			if _, err := sign.Verify(t.Context(), file, trust(t, others.root())); !errors.Is(err, sign.ErrNotVerified) || !strings.Contains(err.Error(), "not trusted") {
				t.Errorf("with another's root: %v", err)
			}
			if got, err := sign.Verify(t.Context(), file, trust(t)); err != nil || got.Trusted {
				t.Errorf("with any root: %+v, %v", got, err)
			}
			flip(t, file, kind)
			if _, err := sign.Verify(t.Context(), file, trust(t)); !errors.Is(err, sign.ErrNotVerified) || !strings.Contains(err.Error(), "mismatch") {
				t.Errorf("after a flipped bit: %v", err)
			}
		})
	}
}

// flip changes one bit of what was signed.
func flip(t *testing.T, file, kind string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := len(data) / 2
	if kind == "msi" {
		if at = bytes.Index(data, []byte(marker)); at < 0 {
			t.Fatal("the package does not hold its own text")
		}
	}
	data[at] ^= 1
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryBitCounts(t *testing.T) {
	a := newAuthority(t, "Test Root")
	cert, key := a.signer(t, "acme", x509.ExtKeyUsageCodeSigning, time.Now().Add(time.Hour))
	file := newPackage(t)
	if err := sign.Sign(t.Context(), file, sign.Options{Cert: cert, Key: key}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// In the text of each stream that a package has, and in the signature itself.
	for _, text := range []string{marker, "Installation Database", "Acme", "Test Root"} {
		at := bytes.Index(whole, []byte(text))
		if at < 0 {
			t.Fatalf("no %q in the package", text)
		}
		changed := bytes.Clone(whole)
		changed[at+1] ^= 0x20
		if err := os.WriteFile(file, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.Verify(t.Context(), file, trust(t, a.root())); !errors.Is(err, sign.ErrNotVerified) {
			t.Errorf("a change in %q: %v", text, err)
		}
	}
	for _, size := range []int{0, 100, len(whole) / 2, len(whole) - 512} {
		if err := os.WriteFile(file, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.Verify(t.Context(), file, trust(t, a.root())); !errors.Is(err, sign.ErrNotVerified) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
}

func TestSigner(t *testing.T) {
	a := newAuthority(t, "Test Root")
	for _, tt := range []struct {
		name  string
		usage x509.ExtKeyUsage
		end   time.Time
		want  string
	}{
		{"web", x509.ExtKeyUsageTimeStamping, time.Now().Add(time.Hour), "key usage"},
		{"expired", x509.ExtKeyUsageCodeSigning, time.Now().Add(-time.Hour), "expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert, key := a.signer(t, tt.name, tt.usage, tt.end)
			file := newProgram(t)
			if err := sign.Sign(t.Context(), file, sign.Options{Cert: cert, Key: key}); err != nil {
				t.Fatal(err)
			}
			if _, err := sign.Verify(t.Context(), file, trust(t, a.root())); !errors.Is(err, sign.ErrNotVerified) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestPFX(t *testing.T) {
	a := newAuthority(t, "Test Root")
	cert, key := a.signer(t, "acme", x509.ExtKeyUsageCodeSigning, time.Now().Add(time.Hour))
	pfx := a.path("acme.pfx")
	const password = `pass "word" %PATH% $HOME`
	cmd := exec.Command("openssl", "pkcs12", "-export", "-inkey", key, "-in", cert, "-certfile", a.root(), "-passout", "env:TEST_PFX", "-out", pfx)
	cmd.Env = append(os.Environ(), "TEST_PFX="+password)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, said)
	}
	file := a.path("password")
	if err := os.WriteFile(file, []byte(password+"\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SIGN_PASSWORD", password)
	t.Setenv("SIGN_WRONG", "wrong")
	for _, tt := range []struct {
		name string
		o    sign.Options
		want string
	}{
		{"password in a file", sign.Options{PFX: pfx, PasswordFile: file}, ""},
		{"password in a variable", sign.Options{PFX: pfx, PasswordEnv: "SIGN_PASSWORD"}, ""},
		{"wrong password", sign.Options{PFX: pfx, PasswordEnv: "SIGN_WRONG"}, "osslsigncode"},
		{"no password", sign.Options{PFX: pfx}, "osslsigncode"},
		{"no such file", sign.Options{PFX: pfx, PasswordFile: file + "x"}, "no such file"},
		{"no such variable", sign.Options{PFX: pfx, PasswordEnv: "SIGN_NONE"}, "SIGN_NONE is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := newProgram(t)
			before, _ := os.ReadFile(target)
			err := sign.Sign(t.Context(), target, tt.o)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Sign: %v, want %q", err, tt.want)
			}
			if entries, _ := os.ReadDir(filepath.Dir(target)); len(entries) != 1 {
				t.Errorf("left behind: %v", entries)
			}
			if err != nil {
				if after, _ := os.ReadFile(target); !bytes.Equal(before, after) {
					t.Error("the file was changed although it could not be signed")
				}
				if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "wrong\n") {
					t.Errorf("the error shows the password: %v", err)
				}
				return
			}
			if _, err := sign.Verify(t.Context(), target, trust(t, a.root())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	token := sign.PKCS11{Module: "m.so", Key: "pkcs11:object=k"}
	for _, tt := range []struct {
		name string
		o    sign.Options
		want string
	}{
		{"nothing", sign.Options{}, "exactly one key"},
		{"two keys", sign.Options{PFX: "a", Cert: "b", Key: "c"}, "exactly one key"},
		{"key without certificate", sign.Options{Key: "a"}, "needs its certificate"},
		{"PFX with another certificate", sign.Options{PFX: "a", Cert: "b"}, "holds its certificate"},
		{"token without module", sign.Options{PKCS11: sign.PKCS11{Key: "pkcs11:object=k"}, Cert: "c"}, "vendor's module"},
		{"token without certificate", sign.Options{PKCS11: token}, "one certificate"},
		{"PIN for everyone to see", sign.Options{PKCS11: sign.PKCS11{Module: "m", Key: "pkcs11:object=k?pin-value=1234"}, Cert: "c"}, "pin-source"},
		{"two passwords", sign.Options{PFX: "a", PasswordFile: "b", PasswordEnv: "c"}, "not by both"},
		{"timestamp", sign.Options{PFX: "a", Timestamp: []string{"timestamp.example.com"}}, "write a URL"},
		{"no tool", sign.Options{PFX: "a", Tool: "no-such-tool"}, "no-such-tool is missing here: install it"},
		{"no PFX", sign.Options{PFX: "none.pfx"}, "osslsigncode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := sign.Sign(t.Context(), newProgram(t), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Sign: %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := sign.Verify(t.Context(), newProgram(t), sign.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "root certificates") {
		t.Errorf("Verify without a root: %v", err)
	}
	if _, err := sign.Verify(t.Context(), "none.msi", sign.VerifyOptions{AnyRoot: true}); err == nil || errors.Is(err, sign.ErrNotVerified) {
		t.Errorf("Verify of no file: %v", err)
	}
	text := filepath.Join(t.TempDir(), "-x.txt")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.Verify(t.Context(), text, trust(t)); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("Verify of a text: %v", err)
	}
}
