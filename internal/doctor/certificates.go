package doctor

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
)

// Certificate is one that the running Holdfast presents.
type Certificate struct {
	// Name is the entry of the configuration; File its file in a folder.
	Name, File string
	NotBefore  time.Time
	NotAfter   time.Time // zero: there is none yet
	// Error is why the newest one could not be had.
	Error string
}

// soon is when a certificate that ends is told of, unless it lives so short that a third of its life is
// less.
const soon = 14 * 24 * time.Hour

// certificates compares their dates with the clock, and looks at who may read their keys. Those that are
// not in a file of the configuration the running Holdfast knows.
func (e *exam) certificates() {
	if e.cfg == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Certificates)) {
		switch c := e.cfg.Certificates[name]; {
		case c.CertFile != "":
			e.certificateFiles(name, c)
		case e.s.Running != nil:
			e.presented(name, c)
		case c.SelfSigned != nil:
			e.kept(name, c, filepath.Join(e.s.Identity.DataDir(), "self-signed", name+".pem"))
		case c.ACME != nil:
			e.kept(name, c, filepath.Join(e.s.Identity.DataDir(), "acme", name+".pem"))
		case c.InternalCA != nil:
			e.ok("certificate %q is issued at the start", name)
		default:
			e.add(Unseen, e.s.Command("run"), "certificate %q is looked at by Holdfast while it runs", name)
		}
	}
	e.authority()
}

func (e *exam) certificateFiles(name string, c config.Certificate) {
	data, err := e.m.Read(c.CertFile)
	if err != nil {
		e.unseen("certificate %q: %s: %v", name, c.CertFile, reason(err))
		return
	}
	leaf, err := leafOf(data)
	if err != nil {
		e.fail(e.s.Command("check"), "certificate %q: %s: %v", name, c.CertFile, err)
	} else {
		e.validity(name, c, leaf.NotBefore, leaf.NotAfter, "renew it: put the new one into "+c.CertFile)
	}
	if e.s.Running != nil {
		for _, p := range e.s.Running.Certificates {
			if p.Name == name && p.Error != "" {
				e.fail(e.s.Command("cert ls"), "certificate %q: the files cannot be used, and the former one, which ends on %s, is still presented: %s", name, p.NotAfter.Format(time.DateOnly), p.Error)
			}
		}
	}
	e.key(c.KeyFile)
}

// key looks at who may read a private key.
func (e *exam) key(name string) {
	if file, err := e.m.File(name); err == nil && !e.windows() && file.Mode.Perm()&mayRead != 0 {
		e.fail(e.asAdmin("chmod o= "+quoted(name)), "the private key %s may be read by every account of this machine", name)
	}
}

// presented tells of what the running Holdfast has under a name.
func (e *exam) presented(name string, c config.Certificate) {
	known := false
	for _, p := range e.s.Running.Certificates {
		if p.Name != name {
			continue
		}
		known = true
		what := name
		if p.File != "" {
			what += "/" + p.File
			e.key(filepath.Join(c.Folder, strings.TrimSuffix(p.File, filepath.Ext(p.File))+".key"))
		}
		switch {
		case p.NotAfter.IsZero() && p.Error == "":
			e.warn(e.s.Command("cert ls"), "certificate %q was not issued yet, and TLS handshakes for it fail", what)
		case p.NotAfter.IsZero():
			e.fail(e.s.Command("cert ls"), "certificate %q could not be had, and TLS handshakes for it fail: %s", what, p.Error)
		case p.Error != "":
			e.fail(e.s.Command("cert ls"), "certificate %q, which ends on %s, has no successor: %s", what, p.NotAfter.Format(time.DateOnly), p.Error)
		default:
			e.validity(what, c, p.NotBefore, p.NotAfter, e.renewal(name, c))
		}
	}
	if !known {
		e.add(Unseen, e.s.Command("reload"), "certificate %q is not known to the Holdfast that runs", name)
	}
}

// kept looks at what Holdfast has made or obtained, while it does not run.
func (e *exam) kept(name string, c config.Certificate, file string) {
	if _, err := e.m.File(file); err != nil {
		e.ok("certificate %q is had at the start", name)
		return
	}
	data, err := e.m.Read(file)
	if err != nil {
		e.unseen("certificate %q: %s: %v", name, file, reason(err))
		return
	}
	leaf, err := leafOf(data)
	if err != nil {
		e.fail(e.asAdmin("rm "+quoted(file)), "certificate %q: %s: %v", name, file, err)
		return
	}
	e.validity(name, c, leaf.NotBefore, leaf.NotAfter, e.renewal(name, c))
}

// renewal is what to do about a certificate that is not in a file of the configuration.
func (e *exam) renewal(name string, c config.Certificate) string {
	switch {
	case c.Folder != "":
		return "renew it: put the new pair into " + c.Folder
	case c.WindowsStore != nil:
		return "renew it in the Windows certificate store: certlm.msc"
	case e.s.Running == nil:
		return e.s.Command("run")
	default:
		return e.s.Command("cert renew " + name)
	}
}

// validity compares dates with the clock.
func (e *exam) validity(name string, c config.Certificate, from, until time.Time, cure string) {
	now, life := e.s.Now(), until.Sub(from)
	if c.InternalCA != nil {
		life = c.InternalCA.Lifetime.D() // it is backdated a little
	}
	switch left := until.Sub(now); {
	case now.Before(from):
		e.fail(e.setClock(), "certificate %q is valid from %s on, and this machine's clock says %s", name, from.Format(time.RFC3339), now.Format(time.RFC3339))
	case left < 0:
		e.fail(cure, "certificate %q expired on %s", name, until.Format(time.DateOnly))
	case left < min(soon, life/3):
		e.warn(cure, "certificate %q expires on %s", name, until.Format(time.DateOnly))
	default:
		e.ok("certificate %q is valid until %s", name, until.Format(time.DateOnly))
	}
}

// rootSoon is when the end of the internal authority's root is told of: everybody has to learn the next
// one.
const rootSoon = 365 * 24 * time.Hour

// authority looks at the root of the internal authority, if there is one.
func (e *exam) authority() {
	file := filepath.Join(e.s.Identity.DataDir(), "ca", "roots.pem")
	if _, err := e.m.File(file); err != nil {
		return // none yet, or nobody's to see
	}
	data, err := e.m.Read(file)
	if err != nil {
		e.unseen("internal CA: %s: %v", file, reason(err))
		return
	}
	root, err := leafOf(data)
	if err != nil {
		e.warn(e.s.Command("cert root"), "internal CA: %s: %v", file, err)
		return
	}
	cure := e.s.Command("cert root --rotate")
	switch left := root.NotAfter.Sub(e.s.Now()); {
	case left < 0:
		e.fail(cure, "the internal CA's root ended on %s: it issues nothing any more", root.NotAfter.Format(time.DateOnly))
	case left < rootSoon:
		e.warn(cure, "the internal CA's root ends on %s", root.NotAfter.Format(time.DateOnly))
	default:
		e.ok("the internal CA's root is valid until %s", root.NotAfter.Format(time.DateOnly))
	}
}

// leafOf is the first certificate of a PEM file.
func leafOf(data []byte) (*x509.Certificate, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New("it holds no certificate")
		}
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
		data = rest
	}
}
