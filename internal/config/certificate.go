package config

// Certificate is what a TLS listener presents, or what Holdfast shows to an upstream: exactly one of
// CertFile with KeyFile, Folder, WindowsStore, SelfSigned, ACME and InternalCA. What changes on disk, or
// is renewed, is presented from the next handshake on.
type Certificate struct {
	// CertFile is a PEM file: the certificate, then its intermediates.
	CertFile string `yaml:"cert_file" rule:"path"`
	// KeyFile is the PEM file of the private key (required with CertFile).
	KeyFile string `yaml:"key_file" rule:"path"`
	// Folder holds pairs NAME.crt or NAME.pem with NAME.key; the client's host name (SNI) chooses.
	Folder string `yaml:"folder" rule:"path"`
	// WindowsStore is a certificate of the system's own store; its key stays there.
	WindowsStore *WindowsStore `yaml:"windows_store"`
	// SelfSigned is made by Holdfast itself, for development: no client trusts it by itself.
	SelfSigned *SelfSigned `yaml:"self_signed"`
	// ACME has the certificate issued and renewed by a certificate authority such as Let's Encrypt.
	ACME *ACME `yaml:"acme"`
	// InternalCA has it issued and renewed by Holdfast's own certificate authority.
	InternalCA *InternalCA `yaml:"internal_ca"`
}

// WindowsStore names a certificate of a Windows certificate store. Of those that match, the one that is
// valid and ends last counts.
type WindowsStore struct {
	// Location is LocalMachine or CurrentUser (default LocalMachine).
	Location StoreLocation `yaml:"location"`
	// Store is the name of the store (default My).
	Store string `yaml:"store"`
	// Subject is a DNS name of the certificate, or its common name.
	Subject string `yaml:"subject"`
	// Thumbprint is the SHA-1 of the certificate, in hexadecimal digits; instead of Subject.
	Thumbprint string `yaml:"thumbprint"`
}

// SelfSigned is a certificate that signs itself.
type SelfSigned struct {
	// Names are the host names and addresses it is made for (default [localhost, 127.0.0.1, ::1]).
	Names []string `yaml:"names"`
}

// ACME is a certificate of a certificate authority that speaks ACME (RFC 8555).
type ACME struct {
	// Names are the host names it is issued for (required).
	Names []string `yaml:"names" rule:"required"`
	// Email is where the authority writes to.
	Email string `yaml:"email"`
	// Directory is the authority's URL (default https://acme-v02.api.letsencrypt.org/directory).
	Directory string `yaml:"directory"`
	// CAFile is a PEM file of authorities trusted for Directory itself (default: those of the system).
	CAFile string `yaml:"ca_file" rule:"path"`
	// AgreeToTerms says that you agree to the authority's terms of service; without it nothing is asked
	// of it (required).
	AgreeToTerms bool `yaml:"agree_to_terms"`
	// Challenge is how the authority is shown that the names are yours: http (http-01, on a listener with
	// port 80) or tls_alpn (tls-alpn-01, on the TLS listener itself, with port 443) (default tls_alpn).
	Challenge Challenge `yaml:"challenge"`
}

// InternalCA is a certificate of Holdfast's own authority, whose root `holdfast cert root` prints.
type InternalCA struct {
	// Names are the host names and addresses it is made for (required).
	Names []string `yaml:"names" rule:"required"`
	// Lifetime is how long it is valid; it is renewed before two thirds of it are over (default 24h).
	Lifetime Duration `yaml:"lifetime" rule:"min=1m,max=8760h"`
}
