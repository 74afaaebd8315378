package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/internal/certs"
	"holdfast/internal/status"
)

// Certificates are what TLS listeners present, and the internal authority.
type Certificates interface {
	// List describes every certificate by name.
	List() []certs.Info
	// Renew has one made, issued or obtained anew, soon; ok is false when there is none of this name.
	Renew(name string) (from certs.Source, ok bool)
	// Authority are the internal authority's root and the former ones that are still trusted.
	Authority() ([]certs.Root, error)
	// RotateRoot gives it a new root; distrust forgets the former one at once.
	RotateRoot(distrust bool) error
	// Issue has it make a certificate. Errors: certs.ErrRequest.
	Issue(certs.Request) (certs.Issued, error)
}

// Certificate is one that is presented to clients or upstreams.
type Certificate struct {
	ID     string       `json:"id" doc:"The certificate's name."`
	File   string       `json:"file,omitempty" doc:"The file in its folder, of which each pair is an entry of its own."`
	Source certs.Source `json:"source" doc:"Where it comes from."`
	State  certs.State  `json:"state" doc:"How it is; pending is one that was not issued yet."`
	Names  []string     `json:"names" nullable:"false" doc:"Host names and addresses it is made for."`
	Issuer string       `json:"issuer,omitempty" doc:"Who signed it."`
	Serial string       `json:"serial,omitempty" doc:"Its serial number in hexadecimal digits."`
	SHA256 string       `json:"sha256,omitempty" doc:"The SHA-256 of the certificate in hexadecimal digits."`
	Key    string       `json:"key,omitempty" doc:"The kind of its key." example:"ECDSA P-256"`
	// The moments are absent while there is no certificate.
	NotBefore   time.Time `json:"not_before,omitzero" doc:"Begin of its validity."`
	NotAfter    time.Time `json:"not_after,omitzero" doc:"End of its validity."`
	NextRenewal time.Time `json:"next_renewal,omitzero" doc:"When Holdfast renews it, or tries again; absent when others renew it."`
	Error       string    `json:"error,omitempty" doc:"Why the newest one could not be had."`
}

// Root is a root of the internal authority.
type Root struct {
	Certificate string    `json:"certificate" doc:"The root in PEM form."`
	Subject     string    `json:"subject" doc:"Its name."`
	NotBefore   time.Time `json:"not_before" doc:"Begin of its validity."`
	NotAfter    time.Time `json:"not_after" doc:"End of its validity."`
	Former      bool      `json:"former" doc:"True for one that was replaced."`
	// TrustedUntil is absent of the present root.
	TrustedUntil time.Time `json:"trusted_until,omitzero" doc:"When the last certificate that a former root has signed ends."`
}

// IssueRequest is the body of the issue call.
type IssueRequest struct {
	_        struct{} `additionalProperties:"false"`
	CSR      string   `json:"csr" minLength:"1" maxLength:"65536" doc:"A certificate signing request (PKCS #10) in PEM form. Its key and names count, nothing else."`
	Client   bool     `json:"client,omitempty" doc:"For a client instead of a server."`
	Lifetime string   `json:"lifetime,omitempty" maxLength:"32" doc:"How long it is valid, from 1m to 8760h (default 24h)." example:"8h"`
}

// IssuedCertificate is what the internal authority made.
type IssuedCertificate struct {
	Certificate string    `json:"certificate" doc:"The certificate and what has to be sent after it, in PEM form."`
	Roots       string    `json:"roots" doc:"What to trust, in PEM form."`
	Names       []string  `json:"names" nullable:"false" doc:"Host names and addresses it is made for."`
	Serial      string    `json:"serial" doc:"Its serial number in hexadecimal digits."`
	NotAfter    time.Time `json:"not_after" doc:"End of its validity."`
}

// RotateRequest is the body of the rotate action; it may be left out.
type RotateRequest struct {
	_        struct{} `additionalProperties:"false"`
	Distrust bool     `json:"distrust,omitempty" doc:"Forget the former root at once: whatever it has signed is refused from now on."`
}

type (
	issueInput struct {
		Body     IssueRequest
		lifetime time.Duration
	}
	issueOutput     struct{ Body IssuedCertificate }
	rotateInput     struct{ Body *RotateRequest }
	certificatePath struct {
		ID string `path:"id" maxLength:"64" doc:"The certificate's name." example:"shop"`
		NoBody
	}
	renewalOutput struct {
		Location string `header:"Location" doc:"Where to watch the outcome."`
		Body     Renewal
	}
)

// Renewal is a renewal that was accepted.
type Renewal struct {
	Certificate string       `json:"certificate" doc:"The certificate's name."`
	Source      certs.Source `json:"source" doc:"Where it comes from."`
}

// Resolve reads the span.
func (in *issueInput) Resolve(huma.Context) []error {
	if in.Body.Lifetime == "" {
		return nil
	}
	var err error
	if in.lifetime, err = positiveSpan(in.Body.Lifetime); err != nil {
		return []error{&huma.ErrorDetail{Message: err.Error(), Location: "body.lifetime"}}
	}
	return nil
}

func (s *Server) registerCertificates() {
	register(s, huma.Operation{
		OperationID: "list-certificates", Method: http.MethodGet, Path: prefix + "/certificates", Tags: []string{"Certificates"},
		Summary: "List the certificates that are presented",
	}, viewer, func(_ context.Context, in *Page) (*listOutput[Certificate], error) {
		return &listOutput[Certificate]{cut(s.certificates(), *in)}, nil
	})
	register(s, huma.Operation{
		OperationID: "renew-certificate", Method: http.MethodPost, Path: prefix + "/certificates/{id}/actions/renew", Tags: []string{"Certificates"},
		Summary:       "Renew a certificate before its time",
		Description:   "The certificate is made, issued or obtained anew, and the present one goes on until then. The answer comes before that is done: watch the list or the events.",
		DefaultStatus: http.StatusAccepted,
	}, admin, func(_ context.Context, in *certificatePath) (*renewalOutput, error) {
		return s.renew(in.ID)
	})
	register(s, huma.Operation{
		OperationID: "list-roots", Method: http.MethodGet, Path: prefix + "/certificates/roots", Tags: []string{"Certificates"},
		Summary:     "The roots of the internal authority",
		Description: "The present root comes first, then former ones that are still trusted. The authority is made at the first use, which this may be.",
	}, operator, func(_ context.Context, in *Page) (*listOutput[Root], error) {
		roots, err := s.roots()
		if err != nil {
			return nil, err
		}
		return &listOutput[Root]{cut(roots, *in)}, nil
	})
	register(s, huma.Operation{
		OperationID: "rotate-root", Method: http.MethodPost, Path: prefix + "/certificates/roots/actions/rotate", Tags: []string{"Certificates"},
		Summary: "Give the internal authority a new root",
		Description: "Certificates of the authority are issued anew at once, by the new root. What the former root has signed stays trusted until it ends, and who knows only the former root trusts new certificates for 90 days more, " +
			"unless the former root is to be distrusted.",
	}, admin, func(_ context.Context, in *rotateInput) (*listOutput[Root], error) {
		if err := s.opts.Certificates.RotateRoot(in.Body != nil && in.Body.Distrust); err != nil {
			return nil, authorityError(err)
		}
		roots, err := s.roots()
		if err != nil {
			return nil, err
		}
		return &listOutput[Root]{List[Root]{Data: roots, Total: len(roots)}}, nil
	})
	register(s, huma.Operation{
		OperationID: "issue-certificate", Method: http.MethodPost, Path: prefix + "/certificates/issue", Tags: []string{"Certificates"},
		Summary:     "Have the internal authority issue a certificate",
		Description: "For a client or another machine. Its key stays with whoever asks.",
	}, admin, s.issue)
}

func (s *Server) certificates() []Certificate {
	all := s.opts.Certificates.List()
	out := make([]Certificate, 0, len(all))
	for _, i := range all {
		c := Certificate{
			ID: i.Name, File: i.File, Source: i.Source, State: i.State, Names: append([]string{}, i.Names...),
			Issuer: i.Issuer, Serial: i.Serial, SHA256: i.Fingerprint, Key: i.Key,
			NotBefore: i.NotBefore, NotAfter: i.NotAfter, NextRenewal: i.Renewal,
		}
		if i.Err != nil {
			c.Error = i.Err.Error()
		}
		out = append(out, c)
	}
	return out
}

func (s *Server) renew(name string) (*renewalOutput, error) {
	from, ok := s.opts.Certificates.Renew(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("certificate %q: %w", name, status.ErrNotFound)
	case !from.Renewed():
		return nil, fmt.Errorf("certificate %q: it comes from %s, and others renew it: %w", name, from, status.ErrConflict)
	default:
		return &renewalOutput{prefix + "/certificates", Renewal{name, from}}, nil
	}
}

func (s *Server) roots() ([]Root, error) {
	all, err := s.opts.Certificates.Authority()
	if err != nil {
		return nil, authorityError(err)
	}
	out := make([]Root, 0, len(all))
	for _, r := range all {
		out = append(out, Root{r.PEM, r.Subject, r.NotBefore, r.NotAfter, r.Former, r.Until})
	}
	return out, nil
}

func (s *Server) issue(_ context.Context, in *issueInput) (*issueOutput, error) {
	made, err := s.opts.Certificates.Issue(certs.Request{CSR: []byte(in.Body.CSR), Client: in.Body.Client, Lifetime: in.lifetime})
	switch {
	case errors.Is(err, certs.ErrRequest):
		return nil, problem(http.StatusUnprocessableEntity, CodeInvalid, "%v", err)
	case err != nil:
		return nil, authorityError(err)
	}
	return &issueOutput{IssuedCertificate{made.Chain, made.Roots, made.Names, made.Serial, made.NotAfter}}, nil
}

// authorityError is one of the authority's own, which is told as it is: it says what to do.
func authorityError(err error) error {
	return problem(http.StatusServiceUnavailable, CodeNotReady, "%v", err)
}
