//go:build conformance && linux

package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/build/rig"
)

// TestH2Spec runs h2spec's strict suite on a listener with TLS, against a fixed answer and against a
// server behind.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	tool := buildH2Spec(t)
	back := newServer(t)
	dir := t.TempDir()
	writeCertificate(t, dir)
	h := rig.NewHome(t, binary, fmt.Sprintf(`
version: 1
management: {address: "{api}"}
certificates:
  own: {cert_file: %[1]s/cert.pem, key_file: %[1]s/key.pem}
listeners:
  web: {address: "{gateway}", certificate: own}
routes:
  back: {urls: ["http://%[2]s"]}
  fixed: {match: {path: /fixed}, respond: {body: "a fixed answer"}}
`, dir, back.address()))
	h.StartReady()
	_, port, err := net.SplitHostPort(h.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/fixed", "/"}
	verdicts := make([]string, len(paths))
	t.Cleanup(func() { write(t, "h2spec.txt", strings.Join(verdicts, "")) }) // after both
	for i, path := range paths {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			verdicts[i] = h2spec{tool, port, path, t.TempDir()}.verify(t)
		})
	}
}

// misses are the cases of h2spec that Holdfast does not pass, and why.
var misses = map[string]string{
	"http2/6.5.3: Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                          "net/http takes a SETTINGS frame that says one thing twice for an attack and ends the connection",
	"http2/8.1.2.2: Sends a HEADERS frame that contains the connection-specific header field":                     "net/http answers 400 itself, which RFC 9113, 8.1.1 allows; no route sees the request",
	`http2/8.1.2.2: Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`: "net/http answers 400 itself, which RFC 9113, 8.1.1 allows; no route sees the request",
}

// h2spec runs the tool against a path.
type h2spec struct{ tool, port, path, dir string }

// run runs all sections, or those that are named.
func (h h2spec) run(t *testing.T, sections ...string) report {
	t.Helper()
	file := filepath.Join(h.dir, "report.xml")
	args := []string{"--strict", "--tls", "--insecure", "--host", "127.0.0.1", "--port", h.port, "--path", h.path, "--timeout", "3", "--junit-report", file}
	out, failed := exec.Command(h.tool, append(args, sections...)...).CombinedOutput() // it fails with any of its cases
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("h2spec: %v: %v\n%s", failed, err, out)
	}
	var r report
	if err := xml.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// again tries a case that was missed up to twice more: some send further frames on a stream that may
// have its answer by then, after which they mean nothing.
func (h h2spec) again(t *testing.T, missed spec) bool {
	t.Helper()
	for range 2 {
		for _, c := range h.run(t, missed.Package).all() {
			if c.name() == missed.name() && c.passed() {
				return true
			}
		}
	}
	return false
}

// report is what h2spec writes.
type report struct {
	Suites []struct {
		Cases []spec `xml:"testcase"`
	} `xml:"testsuite"`
}

// spec is one case of h2spec's.
type spec struct {
	Package string  `xml:"package,attr"`
	Name    string  `xml:"classname,attr"`
	Failure *string `xml:"failure"`
	Error   *string `xml:"error"`
	Skipped *string `xml:"skipped"`
}

func (c spec) name() string { return c.Package + ": " + c.Name }

func (c spec) passed() bool { return c.Failure == nil && c.Error == nil && c.Skipped == nil }

func (r report) all() []spec {
	var all []spec
	for _, suite := range r.Suites {
		all = append(all, suite.Cases...)
	}
	return all
}

// verify fails with every miss that nobody has explained, and with every explanation that is not needed.
func (h h2spec) verify(t *testing.T) string {
	t.Helper()
	passed, explained := 0, 0
	var lines []string
	missed := map[string]bool{}
	for _, c := range h.run(t).all() {
		why, ok := misses[c.name()]
		if c.passed() || !ok && h.again(t, c) {
			passed++
			continue
		}
		missed[c.name()] = true
		if ok {
			explained++
		} else {
			t.Errorf("%s: %s", c.name(), text(c.Failure)+text(c.Error)+text(c.Skipped))
		}
		lines = append(lines, fmt.Sprintf("%s: missed: %s: %s\n", h.path, c.name(), why))
	}
	for name := range misses {
		if !missed[name] {
			t.Errorf("%s: the explanation is not needed any more", name)
		}
	}
	if passed < 140 { // so many has h2spec, in round numbers
		t.Errorf("only %d cases passed", passed)
	}
	slices.Sort(lines)
	return strings.Join(lines, "") + fmt.Sprintf("%s: h2spec strict: %d passed, %d missed, of which %d with a reason\n", h.path, passed, len(missed), explained)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func buildH2Spec(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "out", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-C", filepath.Join("..", "tools"), "-o", dir+string(filepath.Separator), "github.com/summerwind/h2spec/cmd/h2spec")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build h2spec: %v\n%s", err, out)
	}
	return filepath.Join(dir, "h2spec")
}

// writeCertificate makes cert.pem and key.pem for localhost.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
