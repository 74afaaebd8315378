package event

import (
	"fmt"
	"time"
)

// CertificateReloaded means that changed certificate files are in use.
type CertificateReloaded struct {
	itself
	Certificate string `json:"certificate"`
}

// Type implements Body.
func (CertificateReloaded) Type() Type { return "certificate.reloaded" }

// Severity implements Body.
func (CertificateReloaded) Severity() Severity { return Info }

// Message implements Body.
func (b CertificateReloaded) Message() string {
	return fmt.Sprintf("certificate %q was reloaded from its changed files", b.Certificate)
}

// CertificateRejected means that changed certificate files cannot be used and the last good pair is
// still presented.
type CertificateRejected struct {
	itself
	Certificate string `json:"certificate"`
	Error       string `json:"error"`
}

// Type implements Body.
func (CertificateRejected) Type() Type { return "certificate.rejected" }

// Severity implements Body.
func (CertificateRejected) Severity() Severity { return Error }

// Message implements Body.
func (b CertificateRejected) Message() string {
	return fmt.Sprintf("certificate %q: the changed files cannot be used, the former pair is still presented: %s", b.Certificate, b.Error)
}

// CertificateRenewed means that Holdfast has made, issued or obtained a new certificate, which is
// presented from now on.
type CertificateRenewed struct {
	itself
	Certificate string `json:"certificate"`
	// Source is "self_signed", "acme" or "internal_ca".
	Source   string    `json:"source"`
	NotAfter time.Time `json:"not_after"`
}

// Type implements Body.
func (CertificateRenewed) Type() Type { return "certificate.renewed" }

// Severity implements Body.
func (CertificateRenewed) Severity() Severity { return Info }

// Message implements Body.
func (b CertificateRenewed) Message() string {
	return fmt.Sprintf("certificate %q was renewed (%s) and is valid until %s", b.Certificate, b.Source, moment(b.NotAfter))
}

// CertificateExpiring means that the end of a certificate that is presented is near: 14 days, or a third
// of its life where Holdfast renews it or that is less. It is published once per certificate.
type CertificateExpiring struct {
	itself
	Certificate string `json:"certificate"`
	// Source is "files", "folder", "windows_store", "self_signed", "acme" or "internal_ca".
	Source   string    `json:"source"`
	NotAfter time.Time `json:"not_after"`
}

// Type implements Body.
func (CertificateExpiring) Type() Type { return "certificate.expiring" }

// Severity implements Body.
func (CertificateExpiring) Severity() Severity { return Warning }

// Message implements Body.
func (b CertificateExpiring) Message() string {
	return fmt.Sprintf("certificate %q (%s) ends at %s", b.Certificate, b.Source, moment(b.NotAfter))
}

// CertificateFailed means that a certificate could not be made, issued or obtained. The former one, if
// there is one, is still presented, and Holdfast tries again.
type CertificateFailed struct {
	itself
	Certificate string `json:"certificate"`
	// Source is "self_signed", "acme" or "internal_ca".
	Source string `json:"source"`
	Error  string `json:"error"`
	// NotAfter is the end of the former one; zero when there is none.
	NotAfter time.Time `json:"not_after,omitzero"`
}

// Type implements Body.
func (CertificateFailed) Type() Type { return "certificate.failed" }

// Severity implements Body.
func (CertificateFailed) Severity() Severity { return Error }

// Message implements Body.
func (b CertificateFailed) Message() string {
	state := "there is none yet, and TLS handshakes for it fail"
	if !b.NotAfter.IsZero() {
		state = "the former one is presented until it ends at " + moment(b.NotAfter)
	}
	return fmt.Sprintf("certificate %q could not be had (%s); %s: %s", b.Certificate, b.Source, state, b.Error)
}

// moment is a time as a person reads it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
