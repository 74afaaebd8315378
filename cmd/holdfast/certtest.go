package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// testFlags say how a server is tested.
type testFlags struct {
	ca, name string
	timeout  time.Duration
}

func newCertTestCommand(c *console) *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test HOST[:PORT]",
		Short: "Connect to a server and tell which certificate it shows",
		Long: `Shakes hands with a TLS server, tells which certificate it shows and whether it is trusted, by this
system or by the authorities of a file, and what to do when it is not. The port is 443 unless one is
given. The exit code is 1 when the certificate is not trusted or nobody answers.`,
		Example: `  holdfast cert test shop.example.com
  holdfast cert test 127.0.0.1:8443 --name shop.example.com
  holdfast cert test db.internal:5433 --ca root.pem`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			shown, err := testServer(cmd.Context(), args[0], f, time.Now())
			if err != nil {
				return &exitError{exitFailed, err}
			}
			if err := c.show(shown, func(w io.Writer) error { return c.writeShown(w, c.style(), shown) }); err != nil {
				return err
			}
			if !shown.Trusted {
				return &exitError{exitFailed, errors.New("the certificate is not trusted")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.ca, "ca", "", "PEM file of the authorities to trust instead of the system's")
	cmd.Flags().StringVar(&f.name, "name", "", "host name to ask for (default: HOST)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait")
	return cmd
}

// shownCertificate is what a server shows.
type shownCertificate struct {
	Address   string    `json:"address"`
	Name      string    `json:"name"`
	Protocol  string    `json:"protocol"`
	Subject   string    `json:"subject"`
	Names     []string  `json:"names"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Sent is how many certificates came.
	Sent    int    `json:"sent"`
	Trusted bool   `json:"trusted"`
	Why     string `json:"why,omitempty"`
	Cure    string `json:"cure,omitempty"`
}

func testServer(ctx context.Context, server string, f testFlags, now time.Time) (shownCertificate, error) {
	if _, rest, isURL := strings.Cut(server, "://"); isURL {
		server, _, _ = strings.Cut(rest, "/")
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), "443"
	}
	if f.name == "" {
		f.name = host
	}
	roots, err := rootsFrom(f.ca)
	if err != nil {
		return shownCertificate{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	address := net.JoinHostPort(host, port)
	// What is shown is judged below, to tell it whatever it is worth.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: f.name, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}} //nolint:gosec // see above
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return shownCertificate{}, fmt.Errorf("%s: %w", address, dialCause(err))
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return shownCertificate{}, fmt.Errorf("%s: no TLS", address) // cannot be: the dialer makes it
	}
	state := secure.ConnectionState()
	leaf := state.PeerCertificates[0]
	shown := shownCertificate{
		Address: address, Name: f.name, Protocol: tls.VersionName(state.Version), Subject: leaf.Subject.String(), Names: append([]string{}, leaf.DNSNames...),
		Issuer: leaf.Issuer.String(), Serial: leaf.SerialNumber.Text(16), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Sent: len(state.PeerCertificates),
	}
	for _, ip := range leaf.IPAddresses {
		shown.Names = append(shown.Names, ip.String())
	}
	shown.Why, shown.Cure = judge(state.PeerCertificates, f, roots, now)
	shown.Trusted = shown.Why == ""
	return shown, nil
}

// rootsFrom is the pool of a PEM file; nil means the system's.
func rootsFrom(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file) //nolint:gosec // the file that the person names
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("--ca: no certificate is in %s: it has to be a PEM file", file)
	}
	return pool, nil
}

// dialCause says what a failed connection means.
func dialCause(err error) error {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return errors.New("it does not speak TLS: the listener has no certificate, or it is another port")
	case errors.As(err, &alert):
		return fmt.Errorf("it refuses the handshake (%w): it has no certificate for the name yet, or wants a client certificate; its log tells", err)
	default:
		return err
	}
}

// judge says why a certificate is not trusted, and what to do; empty when it is.
func judge(sent []*x509.Certificate, f testFlags, roots *x509.CertPool, now time.Time) (why, cure string) {
	leaf := sent[0]
	o := x509.VerifyOptions{DNSName: f.name, Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, one := range sent[1:] {
		o.Intermediates.AddCert(one)
	}
	_, err := leaf.Verify(o)
	if err == nil {
		return "", ""
	}
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	by := "this system"
	if f.ca != "" {
		by = f.ca
	}
	switch {
	case errors.As(err, &host):
		return "it is not made for " + f.name, "ask for one of its names with --name, or give the listener a certificate for " + f.name
	case now.After(leaf.NotAfter):
		return "it expired on " + leaf.NotAfter.Format(time.DateOnly), "renew it; holdfast cert ls says who renews it"
	case now.Before(leaf.NotBefore):
		return "it is valid from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " on", "set the clock of this machine or that of the server"
	case errors.As(err, &unknown) && leaf.Issuer.String() == leaf.Subject.String():
		return "it signs itself, and " + by + " does not trust it", "for development trust it with --ca; for others use acme, cert_file or internal_ca"
	case errors.As(err, &unknown) && len(leaf.Issuer.Organization) == 1 && leaf.Issuer.Organization[0] == "Holdfast":
		return "it is by the internal authority of a Holdfast, which " + by + " does not trust", "there: holdfast cert root > root.pem; here: --ca root.pem, or add it to the system's authorities"
	case errors.As(err, &unknown) && len(sent) == 1:
		return by + " does not know its issuer " + leaf.Issuer.CommonName, "put the intermediate certificates after it in cert_file, or name the authority with --ca"
	case errors.As(err, &unknown):
		return by + " does not trust the authority " + sent[len(sent)-1].Issuer.CommonName, "name it with --ca, or add it to the system's authorities"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "a certificate of its chain has expired: " + err.Error(), "renew the intermediate certificates in cert_file"
	default:
		return err.Error(), "look at the certificate: openssl s_client -connect HOST:PORT -servername NAME -showcerts"
	}
}

func (c *console) writeShown(w io.Writer, s style, shown shownCertificate) error {
	verdict := "yes"
	if !shown.Trusted {
		verdict = "no: " + shown.Why
	}
	rows := [][]string{
		{"server", shown.Address + ", asked for " + shown.Name + ", " + shown.Protocol},
		{"subject", shown.Subject},
		{"names", strings.Join(shown.Names, ", ")},
		{"issuer", shown.Issuer},
		{"valid", shown.NotBefore.In(s.zone).Format(time.DateOnly) + " to " + s.moment(shown.NotAfter)},
		{"chain", fmt.Sprintf("%d sent", shown.Sent)},
		{"trusted", verdict},
	}
	for _, row := range rows {
		row[1] = printable(row[1])
	}
	if err := table(w, "", rows); err != nil || shown.Cure == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "Next: %s\n", shown.Cure)
	return err
}
