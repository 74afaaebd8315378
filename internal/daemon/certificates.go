package daemon

import (
	"holdfast/internal/certs"
	"holdfast/internal/event"
)

// certificateEvent is the event of what happened to a certificate.
func certificateEvent(n certs.Notice) event.Body {
	cause := ""
	if n.Err != nil {
		cause = n.Err.Error()
	}
	switch n.What {
	case certs.Rejected:
		return event.CertificateRejected{Certificate: n.Certificate, Error: cause}
	case certs.Renewed:
		return event.CertificateRenewed{Certificate: n.Certificate, Source: string(n.Source), NotAfter: n.NotAfter}
	case certs.Failed:
		return event.CertificateFailed{Certificate: n.Certificate, Source: string(n.Source), Error: cause, NotAfter: n.NotAfter}
	case certs.Expiring:
		return event.CertificateExpiring{Certificate: n.Certificate, Source: string(n.Source), NotAfter: n.NotAfter}
	case certs.Reloaded:
		return event.CertificateReloaded{Certificate: n.Certificate}
	default:
		return event.CertificateReloaded{Certificate: n.Certificate}
	}
}
