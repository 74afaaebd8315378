package config

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"
)

// certificateKeys are the keys of which a certificate has exactly one; cert_file has key_file with it.
func certificateKeys() []string {
	return []string{"cert_file", "folder", "windows_store", "self_signed", "acme", "internal_ca"}
}

// certificateKind checks that a certificate comes from exactly one place.
func (v *validator) certificateKind(at path, cert Certificate) bool {
	given := map[string]bool{
		"cert_file": cert.CertFile != "" || cert.KeyFile != "", "folder": cert.Folder != "", "windows_store": cert.WindowsStore != nil,
		"self_signed": cert.SelfSigned != nil, "acme": cert.ACME != nil, "internal_ca": cert.InternalCA != nil,
	}
	var which []string
	for _, key := range certificateKeys() {
		if v.rejected[at.key(key)] || v.rejected[at.key("key_file")] {
			return false
		}
		if given[key] {
			which = append(which, key)
		}
	}
	const cure = "a certificate has cert_file with key_file, or one of folder, windows_store, self_signed, acme and internal_ca"
	switch {
	case len(which) == 0:
		v.report(codeCertificate, v.key(at), at, fmt.Sprintf("nothing says where %s comes from", at), cure)
	case len(which) > 1:
		v.report(codeCertificate, v.key(at.key(which[1])), at, fmt.Sprintf("%s comes from %s at once", at, strings.Join(which, " and ")), cure)
	case given["cert_file"] && cert.KeyFile == "":
		v.report(codeMissing, v.key(at), at, fmt.Sprintf("%s has no key_file", at), "add key_file: PATH")
	case given["cert_file"] && cert.CertFile == "":
		v.report(codeMissing, v.key(at), at, fmt.Sprintf("%s has no cert_file", at), "add cert_file: PATH")
	default:
		return true
	}
	return false
}

func (v *validator) certificates() {
	for _, name := range slices.Sorted(maps.Keys(v.cfg.Certificates)) {
		at, cert := path("certificates").key(name), v.cfg.Certificates[name]
		if !v.certificateKind(at, cert) {
			continue
		}
		switch {
		case cert.WindowsStore != nil:
			v.windowsStore(at.key("windows_store"), *cert.WindowsStore)
		case cert.SelfSigned != nil:
			sub := at.key("self_signed").key("names")
			if len(cert.SelfSigned.Names) == 0 && !v.rejected[sub] {
				v.report(codeMissing, v.value(sub), sub, fmt.Sprintf("%s is empty", sub), "write names: [localhost], or remove the line")
			}
			v.certificateNames(sub, cert.SelfSigned.Names, true)
		case cert.ACME != nil:
			v.acme(at.key("acme"), name, *cert.ACME)
		case cert.InternalCA != nil:
			v.certificateNames(at.key("internal_ca").key("names"), cert.InternalCA.Names, true)
		case cert.Folder != "" && v.machine.here:
			v.certificateFolder(at.key("folder"), cert.Folder)
		}
		if cert.CertFile == "" || !v.machine.here {
			continue
		}
		chain, ok := v.readable(at.key("cert_file"), cert.CertFile)
		key, also := v.readable(at.key("key_file"), cert.KeyFile)
		if !ok || !also {
			continue
		}
		loaded, err := KeyPair(chain, key)
		switch {
		case err != nil:
			v.report(codeCertificate, v.key(at), at, fmt.Sprintf("certificate %q: %v", name, err), "both files are PEM; the key belongs to the first certificate in cert_file and has no password")
		case loaded.Leaf != nil && time.Now().After(loaded.Leaf.NotAfter):
			v.report(codeExpired, v.value(at.key("cert_file")), at.key("cert_file"), fmt.Sprintf("certificate %q expired on %s", name, loaded.Leaf.NotAfter.Format(time.DateOnly)), "renew it")
		}
	}
}

// certificateFolder checks that there is something to present in a folder, and that it can be: one bad pair
// holds all of them up.
func (v *validator) certificateFolder(at path, name string) {
	pairs, err := FolderPairs(name)
	if err != nil {
		cause, hint := err, "it must be a folder that Holdfast's account may read"
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			cause = failed.Err
		}
		if errors.Is(err, fs.ErrNotExist) {
			hint = "check the path; relative paths start at the folder of this file"
		}
		v.report(codeCertificate, v.value(at), at, fmt.Sprintf("folder: %s cannot be read: %v", name, cause), hint)
		return
	}
	if len(pairs) == 0 {
		v.report(codeCertificate, v.value(at), at, fmt.Sprintf("folder: no pair is in %s", name), "put NAME.crt (or NAME.pem) and NAME.key there")
	}
	for _, p := range pairs {
		chain, err := ReadBounded(p.Certificate, maxIncluded)
		key, keyErr := ReadBounded(p.Key, maxIncluded)
		if err = errors.Join(err, keyErr); err == nil {
			_, err = KeyPair(chain, key)
		}
		if err != nil {
			v.report(codeCertificate, v.value(at), at, fmt.Sprintf("folder: %s with its key: %v", p.Certificate, err), "mend this pair or take it away: one bad pair holds all of them up")
		}
	}
}

// windowsStore checks which certificate of the store is meant.
func (v *validator) windowsStore(at path, w WindowsStore) {
	if v.machine.here && runtime.GOOS != "windows" {
		v.report(codeCertificate, v.key(at), at, "windows_store works on Windows only", "write cert_file and key_file, or internal_ca")
		return
	}
	switch {
	case w.Subject == "" && w.Thumbprint == "":
		v.report(codeMissing, v.key(at), at, "nothing says which certificate of the store is meant", "add subject: HOST, or thumbprint: the 40 digits that certlm.msc shows")
	case w.Subject != "" && w.Thumbprint != "":
		v.report(codeTogether, v.key(at.key("thumbprint")), at.key("thumbprint"), "subject and thumbprint name a certificate twice", "remove one: subject finds the renewed certificate, too; thumbprint only this one")
	case w.Thumbprint != "" && !goodThumbprint(w.Thumbprint):
		v.report(codeValue, v.value(at.key("thumbprint")), at.key("thumbprint"), fmt.Sprintf("thumbprint: %q is not the SHA-1 of a certificate", w.Thumbprint), "write its 40 hexadecimal digits; spaces and colons may stand between them")
	}
}

// goodThumbprint takes the forms in which Windows shows one.
func goodThumbprint(text string) bool {
	digits := strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(text)
	_, err := hex.DecodeString(digits)
	return err == nil && len(digits) == 40
}

// certificateNames checks what a certificate is made for.
func (v *validator) certificateNames(at path, names []string, addresses bool) {
	for i, name := range names {
		sub := at.index(i)
		_, notIP := netip.ParseAddr(name)
		hint := ""
		switch {
		case notIP == nil && addresses:
		case notIP == nil:
			hint = "an authority on the internet issues for host names; for an address write internal_ca"
		case strings.Contains(name, "://"), strings.Contains(name, "/"):
			hint = "write the host name alone"
		case strings.Contains(name, ":"):
			hint = "write the host name without the port"
		case strings.HasPrefix(name, "*.") && !addresses:
			hint = "a wildcard needs the challenge dns-01, which Holdfast does not speak; name the hosts, or have another program get it and write cert_file"
		case strings.ContainsFunc(name, func(r rune) bool { return r > 0x7F }):
			hint = "write an international name in its ASCII form (xn--...)"
		case !IsHostName(name):
			hint = "a name has letters, digits, - and dots, such as shop.example.com"
		}
		if hint != "" {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("names: %q cannot be in this certificate", name), hint)
		}
	}
}

// IsHostName reports whether name is a DNS name, or "*." before one.
func IsHostName(name string) bool { return goodHost(strings.TrimPrefix(name, "*.")) }

// acme checks what an authority would refuse.
func (v *validator) acme(at path, name string, a ACME) {
	v.certificateNames(at.key("names"), a.Names, false)
	if sub := at.key("agree_to_terms"); !a.AgreeToTerms && !v.rejected[sub] {
		spot := v.key(at)
		if v.written(sub) {
			spot = v.value(sub)
		}
		v.report(codeCertificate, spot, sub, "nothing is asked of the authority before you agree to its terms of service", "read them (for Let's Encrypt: https://letsencrypt.org/repository/), then write agree_to_terms: true")
	}
	if sub := at.key("directory"); !v.rejected[sub] {
		if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
			v.report(codeURL, v.value(sub), sub, fmt.Sprintf("directory: %q is not the URL of an authority", a.Directory), "write https://HOST/PATH, as the authority says it")
		}
	}
	if sub := at.key("email"); a.Email != "" {
		if m, err := mail.ParseAddress(a.Email); err != nil || m.Address != a.Email {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("email: %q is not an e-mail address", a.Email), "write NAME@DOMAIN alone")
		}
	}
	v.authorities(at.key("ca_file"), a.CAFile)
	v.challenge(at, name, a.Challenge)
}

// challenge warns when no listener can answer the authority.
func (v *validator) challenge(at path, name string, c Challenge) {
	if v.broken {
		return
	}
	for _, l := range v.cfg.Listeners {
		switch {
		case c == ChallengeHTTP && l.Certificate == "":
			return
		case c == ChallengeTLSALPN && (l.Certificate == name || slices.Contains(l.Certificates, name)):
			return
		}
	}
	spot := v.key(at)
	if v.written(at.key("challenge")) {
		spot = v.value(at.key("challenge"))
	}
	if c == ChallengeHTTP {
		v.report(codeNoEffect, spot, at.key("challenge"), "no listener without TLS can answer the authority, which comes to port 80", `add one: listeners: {plain: {address: ":80", redirect_to: ...}}, or write challenge: tls_alpn`)
		return
	}
	v.report(codeNoEffect, spot, at.key("challenge"), fmt.Sprintf("no listener presents %s, so that none can answer the authority, which comes to port 443", name), "write certificate: "+name+" at a listener, or challenge: http")
}

// authorities reports a file that is to have certificates of authorities and has none.
func (v *validator) authorities(at path, name string) {
	if name == "" || !v.machine.here || v.rejected[at] {
		return
	}
	if data, ok := v.readable(at, name); ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
		v.report(codeCertificate, v.value(at), at, fmt.Sprintf("%s: %s has no certificate", last(at), name), "it must have those of the authorities, as PEM (-----BEGIN CERTIFICATE-----)")
	}
}

// readable reports a file that certificates cannot be read from.
func (v *validator) readable(at path, name string) ([]byte, bool) {
	data, err := ReadBounded(name, maxIncluded)
	if err == nil {
		return data, true
	}
	cause, hint := err, "it must be a file that Holdfast's account may read"
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		cause = failed.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint = "check the path; relative paths start at the folder of this file"
	}
	v.report(codeCertificate, v.value(at), at, fmt.Sprintf("%s: %s cannot be read: %v", last(at), name, cause), hint)
	return nil, false
}
