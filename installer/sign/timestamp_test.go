package sign_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/installer/sign"
)

// newTimestamps is an RFC 3161 server with a certificate of a.
func newTimestamps(t *testing.T, a *authority) *httptest.Server {
	t.Helper()
	cert, key := a.signer(t, "tsa", x509.ExtKeyUsageTimeStamping, time.Now().Add(time.Hour))
	config := a.path("tsa.conf")
	text := fmt.Sprintf("[tsa]\ndefault_tsa = t\n[t]\nserial = %s\nsigner_cert = %s\ncerts = %s\nsigner_key = %s\ndefault_policy = 1.2.3.4\n"+
		"digests = sha256\nsigner_digest = sha256\nordering = yes\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n", a.path("serial"), cert, a.root(), key)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			t.Error(err)
		}
		file := filepath.Join(t.TempDir(), "query")
		if err := os.WriteFile(file, query, 0o600); err != nil {
			t.Error(err)
		}
		answer, err := exec.Command("openssl", "ts", "-reply", "-config", config, "-queryfile", file).Output()
		if err != nil {
			t.Errorf("openssl ts: %v", err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestTimestamp(t *testing.T) {
	ours, tsa := newAuthority(t, "Test Root"), newAuthority(t, "Timestamp Root")
	cert, key := ours.signer(t, "acme", x509.ExtKeyUsageCodeSigning, time.Now().Add(time.Hour))
	server := newTimestamps(t, tsa)
	for kind, newFile := range map[string]func(*testing.T) string{"exe": newProgram, "msi": newPackage} {
		t.Run(kind, func(t *testing.T) {
			file := newFile(t)
			// The first server is down: the second answers.
			o := sign.Options{Cert: cert, Key: key, Timestamp: []string{"http://127.0.0.1:1/", server.URL}}
			if err := sign.Sign(t.Context(), file, o); err != nil {
				t.Fatal(err)
			}
			got, err := sign.Verify(t.Context(), file, trust(t, ours.root(), tsa.root()))
			if err != nil {
				t.Fatal(err)
			}
			if got.Timestamp == nil || time.Since(*got.Timestamp).Abs() > time.Hour {
				t.Errorf("timestamp %v", got.Timestamp)
			}
			if _, err := sign.Verify(t.Context(), file, trust(t, ours.root())); !errors.Is(err, sign.ErrNotVerified) || !strings.Contains(err.Error(), "timestamp") {
				t.Errorf("with a timestamp that nobody trusts: %v", err)
			}
		})
	}
	t.Run("no server answers", func(t *testing.T) {
		err := sign.Sign(t.Context(), newProgram(t), sign.Options{Cert: cert, Key: key, Timestamp: []string{"http://127.0.0.1:1/"}})
		if err == nil {
			t.Error("signed without the timestamp that was asked for")
		}
	})
}
