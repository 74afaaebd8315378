package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
		if !v.certificateKind(at, cert) || cert.CertFile == "" {
			continue
		}
		if !v.machine.here {
			continue
		}
		if !v.readable(at.key("cert_file"), cert.CertFile) || !v.readable(at.key("key_file"), cert.KeyFile) {
			continue
		}
		loaded, err := tls.LoadX509KeyPair(cert.CertFile, cert.KeyFile)
		switch {
		case err != nil:
			v.report(codeCertificate, v.key(at), at, fmt.Sprintf("certificate %q: %v", name, err), "both files are PEM; the key belongs to the first certificate in cert_file and has no password")
		case loaded.Leaf != nil && time.Now().After(loaded.Leaf.NotAfter):
			v.report(codeExpired, v.value(at.key("cert_file")), at.key("cert_file"), fmt.Sprintf("certificate %q expired on %s", name, loaded.Leaf.NotAfter.Format(time.DateOnly)), "renew it")
		}
	}
}

// readable reports a file that certificates cannot be read from.
func (v *validator) readable(at path, name string) bool {
	_, err := ReadBounded(name, maxIncluded)
	if err == nil {
		return true
	}
	cause, hint := err, "it must be a file that Holdfast's account may read"
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		cause = failed.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint = "check the path; relative paths start at the folder of this file"
	}
	v.report(codeCertificate, v.value(at), at, fmt.Sprintf("%s: %s cannot be read: %v", last(at), name, cause), hint)
	return false
}
