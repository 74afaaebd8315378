package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
)

// subjects are the names of a certificate by their kind (RFC 5280, 4.2.1.6).
type subjects struct {
	common string
	dns    []string
	ips    []netip.Addr
	mails  []string
	uris   []*url.URL
}

// maxNames bounds the names of one certificate.
const maxNames = 100

// parseSubjects tells addresses, e-mail addresses, URIs and host names apart.
func parseSubjects(names []string) (subjects, error) {
	var s subjects
	if len(names) == 0 {
		return s, errors.New("a certificate needs a name")
	}
	if len(names) > maxNames {
		return s, fmt.Errorf("%d names are too many for one certificate; it has %d at most", len(names), maxNames)
	}
	s.common = names[0]
	for _, name := range names {
		if err := s.add(name); err != nil {
			return subjects{}, err
		}
	}
	return s, nil
}

func (s *subjects) add(name string) error {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Zone() == "" {
		s.ips = append(s.ips, ip.Unmap())
		return nil
	}
	if strings.Contains(name, "://") {
		u, err := url.Parse(name)
		if err != nil || u.Host == "" {
			return fmt.Errorf("%q is not a URI such as spiffe://example.com/shop", name)
		}
		s.uris = append(s.uris, u)
		return nil
	}
	if strings.Contains(name, "@") {
		a, err := mail.ParseAddress(name)
		if err != nil || a.Address != name {
			return fmt.Errorf("%q is not an e-mail address", name)
		}
		s.mails = append(s.mails, name)
		return nil
	}
	if !config.IsHostName(name) {
		return fmt.Errorf("%q is neither a host name nor an address; write a name such as shop.example.com, *.example.com or 10.0.0.5", name)
	}
	s.dns = append(s.dns, strings.ToLower(name))
	return nil
}

// put writes the names into a template. The common name has at most 64 characters (RFC 5280, A.1).
func (s subjects) put(template *x509.Certificate) {
	template.DNSNames, template.EmailAddresses, template.URIs = s.dns, s.mails, s.uris
	for _, ip := range s.ips {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	if len(s.common) <= 64 {
		template.Subject = pkix.Name{CommonName: s.common}
	}
}

// sameNames compares names whatever their order and case.
func sameNames(a, b []string) bool {
	norm := func(list []string) []string {
		out := make([]string, 0, len(list))
		for _, one := range list {
			if ip, err := netip.ParseAddr(one); err == nil {
				one = ip.Unmap().String()
			}
			out = append(out, strings.ToLower(one))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(norm(a), norm(b))
}

// renewAt is when a certificate that was issued now is renewed.
func renewAt(now, end time.Time) time.Time {
	share := renewFrom + (renewTo-renewFrom)*rand.Float64() //nolint:gosec // no secret: it spreads work
	return now.Add(time.Duration(share * float64(end.Sub(now))))
}
