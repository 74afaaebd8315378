package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/certs"
)

// fakeCertificates have one of each kind.
type fakeCertificates struct {
	asked []string
	fail  error
}

func (f *fakeCertificates) List() []certs.Info {
	return []certs.Info{
		{
			Name: "shop", Source: certs.FromInternalCA, State: certs.Valid, Names: []string{"shop.test"}, Issuer: "Holdfast", Serial: "1f", Fingerprint: "ab", Key: "ECDSA P-256",
			NotBefore: epoch(), NotAfter: epoch().Add(24 * time.Hour), Renewal: epoch().Add(16 * time.Hour),
		},
		{Name: "site", Source: certs.FromACME, State: certs.Pending, Names: []string{"site.test"}, Renewal: epoch().Add(time.Minute), Err: errors.New("authority: connection refused")},
		{Name: "wild", Source: certs.FromFolder, File: "a.crt", State: certs.Ending},
	}
}

func (f *fakeCertificates) Renew(name string) (certs.Source, bool) {
	f.asked = append(f.asked, "renew "+name)
	for _, i := range f.List() {
		if i.Name == name {
			return i.Source, true
		}
	}
	return "", false
}

func (f *fakeCertificates) Authority() ([]certs.Root, error) {
	return []certs.Root{{PEM: "new", Subject: "Holdfast 2", NotAfter: epoch()}, {PEM: "old", Subject: "Holdfast 1", Former: true, Until: epoch()}}, f.fail
}

func (f *fakeCertificates) RotateRoot(distrust bool) error {
	f.asked = append(f.asked, fmt.Sprintf("rotate %v", distrust))
	return f.fail
}

func (f *fakeCertificates) Issue(r certs.Request) (certs.Issued, error) {
	f.asked = append(f.asked, fmt.Sprintf("issue %s %v %v", r.CSR, r.Client, r.Lifetime))
	return certs.Issued{Chain: "chain", Roots: "roots", Names: []string{"bot"}, Serial: "2a", NotAfter: epoch()}, f.fail
}

func TestClientCertificates(t *testing.T) {
	s, f := newTestServer(t)
	client, stop := serveLocal(t, s)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	ctx := t.Context()
	list, err := client.Certificates(ctx)
	if diff := cmp.Diff(s.certificates(), list); err != nil || diff != "" || len(list) != 3 || list[1].Error == "" {
		t.Errorf("Certificates: %v (-want +got):\n%s", err, diff)
	}
	if r, err := client.RenewCertificate(ctx, "shop"); err != nil || r != (Renewal{"shop", certs.FromInternalCA}) {
		t.Errorf("RenewCertificate: %+v, %v", r, err)
	}
	roots, err := client.Roots(ctx)
	if err != nil || len(roots) != 2 || roots[0].Certificate != "new" || !roots[0].TrustedUntil.IsZero() || !roots[1].Former {
		t.Errorf("Roots: %+v, %v", roots, err)
	}
	if roots, err := client.RotateRoot(ctx, true); err != nil || len(roots) != 2 {
		t.Errorf("RotateRoot: %+v, %v", roots, err)
	}
	issued, err := client.IssueCertificate(ctx, []byte("csr"), true, 8*time.Hour)
	if err != nil || issued.Certificate != "chain" || issued.Roots != "roots" || issued.NotAfter != epoch() {
		t.Errorf("IssueCertificate: %+v, %v", issued, err)
	}
	if _, err := client.IssueCertificate(ctx, []byte("csr"), false, 0); err != nil {
		t.Error(err)
	}
	want := []string{"renew shop", "rotate true", "issue csr true 8h0m0s", "issue csr false 0s"}
	if diff := cmp.Diff(want, f.certificates.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestCertificateErrors(t *testing.T) {
	s, f := newTestServer(t)
	for _, tt := range []struct {
		name, path, body string
		fail             error
		status           int
		code             Code
		detail           string
	}{
		{"unknown", "/gone/actions/renew", "", nil, 404, CodeNotFound, "gone"},
		{"renewed by others", "/wild/actions/renew", "", nil, 409, CodeConflict, "folder"},
		{"a body that nobody reads", "/shop/actions/renew", "{}", nil, 422, CodeInvalid, ""},
		{"no csr", "/issue", "{}", nil, 422, CodeInvalid, ""},
		{"no time", "/issue", `{"csr": "x", "lifetime": "soon"}`, nil, 422, CodeInvalid, ""},
		{"bad csr", "/issue", `{"csr": "x"}`, fmt.Errorf("%w: csr: it is no PEM block", certs.ErrRequest), 422, CodeInvalid, "no PEM block"},
		{"authority fails", "/issue", `{"csr": "x"}`, errors.New("root.pem is gone"), 503, CodeNotReady, "root.pem is gone"},
		{"rotation fails", "/roots/actions/rotate", "", errors.New("disk full"), 503, CodeNotReady, "disk full"},
		{"unknown field", "/roots/actions/rotate", `{"distrust_all": true}`, nil, 422, CodeInvalid, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.certificates.fail = tt.fail
			var change []func(*http.Request)
			if tt.body != "" {
				change = append(change, withBody(tt.body), withHeader("Content-Type", "application/json"))
			}
			p := wantProblem(t, ask(t, s.LocalHandler(), http.MethodPost, prefix+"/certificates"+tt.path, change...), tt.status, tt.code)
			if !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("detail %q, want it to have %q", p.Detail, tt.detail)
			}
		})
	}
}
