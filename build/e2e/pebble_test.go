//go:build e2e && linux

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
)

// pebble is an ACME authority of our own, which comes to the two addresses for its proofs and resolves
// every name to this machine.
type pebble struct {
	directory, caFile string
	roots             *x509.CertPool
	kill              func()
}

// startPebble starts one that refuses half of all nonces, as authorities do now and then.
func startPebble(t *testing.T, http01, tlsALPN01 string) *pebble {
	t.Helper()
	dir := t.TempDir()
	writeCertificate(t, dir)
	address, management, dns := rig.FreeAddress(t), rig.FreeAddress(t), rig.FreeAddress(t)
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": management,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": portOf(t, http01), "tlsPort": portOf(t, tlsALPN01),
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, exec.Command("pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", dns,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-management", rig.FreeAddress(t)))
	cmd := exec.Command("pebble", "-config", file, "-strict", "-dnsserver", dns)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=15", "PEBBLE_VA_ALWAYS_VALID=0", "PEBBLE_AUTHZREUSE=0")
	p := &pebble{directory: "https://localhost:" + strconv.Itoa(portOf(t, address)) + "/dir", caFile: filepath.Join(dir, "cert.pem"), roots: x509.NewCertPool()}
	p.kill = launch(t, cmd)
	client := insecureClient(t)
	rig.WaitFor(t, "pebble answers", func() bool {
		resp, err := client.Get("https://" + management + "/roots/0")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		pem, err := io.ReadAll(resp.Body)
		return err == nil && p.roots.AppendCertsFromPEM(pem)
	})
	return p
}

// launch starts a program that ends with the test, or when kill is called.
func launch(t *testing.T, cmd *exec.Cmd) (kill func()) {
	t.Helper()
	output := &rig.Tail{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, output)
		}
	})
	return kill
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serialOf shakes hands with a listener for a name, trusting roots alone.
func serialOf(address, name string, roots *x509.CertPool) (string, error) {
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: rig.Patience}, Config: &tls.Config{ServerName: name, RootCAs: roots}}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return "", fmt.Errorf("%T is no TLS connection", conn)
	}
	return secure.ConnectionState().PeerCertificates[0].SerialNumber.Text(16), nil
}

// certificateRow is a line of holdfast cert ls.
type certificateRow struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Serial   string    `json:"serial"`
	Error    string    `json:"error"`
	NextTry  time.Time `json:"next_renewal"`
	NotAfter time.Time `json:"not_after"`
}

func certificateOf(t *testing.T, h *rig.Home, id string) certificateRow {
	t.Helper()
	stdout, stderr, code := h.CLI("cert", "ls", "-o", "json")
	var rows []certificateRow
	if err := json.Unmarshal([]byte(stdout), &rows); code != 0 || err != nil {
		t.Fatalf("cert ls: %d %s %v", code, stderr, err)
	}
	for _, row := range rows {
		if row.ID == id {
			return row
		}
	}
	t.Fatalf("cert ls has no %q: %s", id, stdout)
	return certificateRow{}
}

const acmeConfig = `
version: 1
management: {address: "{api}"}
listeners:
  plain: {address: "%s", redirect_to: secure}
  secure: {address: "{gateway}", certificate: local, certificates: [alpn, http]}
certificates:
  local: {self_signed: {names: [localhost]}}
  alpn: {acme: {names: [shop.test, www.shop.test], directory: "%s", ca_file: "%s", email: admin@shop.test, agree_to_terms: true}}
  http: {acme: {names: [site.test], directory: "%s", ca_file: "%s", agree_to_terms: true, challenge: http}}
routes:
  all: {respond: {body: "ok"}}
`

// TestACME obtains certificates from an authority, which comes and asks for both kinds of proof, renews
// one while clients shake hands, and goes on when the authority is gone.
func TestACME(t *testing.T) {
	h := rig.NewHome(t, binary, "")
	plain := rig.FreeAddress(t)
	authority := startPebble(t, plain, h.Gateway)
	h.Write(fmt.Sprintf(acmeConfig, plain, authority.directory, authority.caFile, authority.directory, authority.caFile))
	r := h.StartReady()
	local := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	if conn, err := tls.Dial("tcp", h.Gateway, local); err != nil {
		t.Errorf("another certificate while the authority is asked: %v", err)
	} else {
		_ = conn.Close()
	}
	r.WaitFor("certificates are issued", func() bool {
		return certificateOf(t, h, "alpn").State == "valid" && certificateOf(t, h, "http").State == "valid"
	})
	first := map[string]string{}
	for name, id := range map[string]string{"shop.test": "alpn", "www.shop.test": "alpn", "site.test": "http"} {
		serial, err := serialOf(h.Gateway, name, authority.roots)
		if err != nil || serial != certificateOf(t, h, id).Serial {
			t.Errorf("%s: certificate %s, %v", name, serial, err)
		}
		first[name] = serial
	}
	// The listeners are as they were: no proof is left, and the protocol of proofs is not spoken.
	if status, _, header := do(t, insecureClient(t), request(t, "http://"+plain+"/.well-known/acme-challenge/x")); status/100 != 3 || header.Get("Location") == "" {
		t.Errorf("a path of proofs after them: %d", status)
	}
	if conn, err := tls.Dial("tcp", h.Gateway, &tls.Config{InsecureSkipVerify: true, ServerName: "shop.test", NextProtos: []string{"acme-tls/1"}}); err == nil {
		_ = conn.Close()
		t.Error("acme-tls/1 is spoken without need")
	}

	// A renewal under load.
	stop, failed := make(chan struct{}), make(chan error, 1)
	shaken := 0
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := serialOf(h.Gateway, "shop.test", authority.roots); err != nil {
				failed <- err
				return
			}
			shaken++
		}
	}()
	if _, stderr, code := h.CLI("cert", "renew", "alpn"); code != 0 {
		t.Fatalf("cert renew: %s", stderr)
	}
	r.WaitFor("the certificate is renewed", func() bool {
		serial, err := serialOf(h.Gateway, "shop.test", authority.roots)
		return err == nil && serial != first["shop.test"]
	})
	close(stop)
	if err := <-failed; err != nil || shaken == 0 {
		t.Errorf("after %d handshakes: %v", shaken, err)
	}
	renewed, err := serialOf(h.Gateway, "shop.test", authority.roots)
	if err != nil || len(h.Events("", "certificate.renewed")) == 0 {
		t.Errorf("renewal: %v, events %v", err, h.Events("", "certificate.renewed"))
	}

	// A restart asks nobody, and neither does one without the authority.
	authority.kill()
	r.Stop()
	r = h.StartReady()
	if serial, err := serialOf(h.Gateway, "shop.test", authority.roots); err != nil || serial != renewed {
		t.Errorf("after a restart: certificate %s, %v", serial, err)
	}
	if _, stderr, code := h.CLI("cert", "renew", "alpn"); code != 0 {
		t.Fatalf("cert renew: %s", stderr)
	}
	r.WaitFor("the failure is told", func() bool { return certificateOf(t, h, "alpn").Error != "" })
	row := certificateOf(t, h, "alpn")
	if serial, err := serialOf(h.Gateway, "shop.test", authority.roots); err != nil || serial != renewed || row.State != "valid" || time.Until(row.NextTry) < time.Minute {
		t.Errorf("without the authority: certificate %s, %v, %+v", serial, err, row)
	}
	if len(h.Events("", "certificate.failed")) == 0 {
		t.Error("no event tells of the failure")
	}
}

// request is a GET.
func request(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}
