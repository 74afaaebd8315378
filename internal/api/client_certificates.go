package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/config"
)

// Certificates lists what is presented, by name.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	return all[Certificate](ctx, c, "/certificates", nil)
}

// RenewCertificate has a certificate renewed before its time.
func (c *Client) RenewCertificate(ctx context.Context, name string) (Renewal, error) {
	return fetch[Renewal](ctx, c, http.MethodPost, "/certificates/"+url.PathEscape(name)+"/actions/renew", nil)
}

// Roots are those of the internal authority, the present one first.
func (c *Client) Roots(ctx context.Context) ([]Root, error) {
	return all[Root](ctx, c, "/certificates/roots", nil)
}

// RotateRoot gives the internal authority a new root.
func (c *Client) RotateRoot(ctx context.Context, distrust bool) ([]Root, error) {
	b, err := jsonBody(RotateRequest{Distrust: distrust})
	if err != nil {
		return nil, err
	}
	list, err := fetch[List[Root]](ctx, c, http.MethodPost, "/certificates/roots/actions/rotate", b)
	return list.Data, err
}

// IssueCertificate has the internal authority sign a request; a lifetime of 0 is the standard one.
func (c *Client) IssueCertificate(ctx context.Context, csr []byte, client bool, lifetime time.Duration) (IssuedCertificate, error) {
	request := IssueRequest{CSR: string(csr), Client: client}
	if lifetime > 0 {
		request.Lifetime = config.Duration(lifetime).String()
	}
	b, err := jsonBody(request)
	if err != nil {
		return IssuedCertificate{}, err
	}
	return fetch[IssuedCertificate](ctx, c, http.MethodPost, "/certificates/issue", b)
}
