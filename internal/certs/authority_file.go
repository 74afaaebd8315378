package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"holdfast/internal/config"
)

// The files of the authority's folder.
const (
	rootFile      = "root.pem"   // the root and its key, for its owner alone
	authorityFile = "state.json" // what else must not be forgotten
	publishedFile = "roots.pem"  // what to trust
)

// errNoRoot says that there is none yet.
var errNoRoot = errors.New("there is no root")

// savedAuthority is the form of authorityFile; certificates are PEM.
type savedAuthority struct {
	IssuedUntil time.Time     `json:"issued_until"`
	Former      []savedFormer `json:"former,omitempty"`
}

type savedFormer struct {
	Root         string    `json:"root"`
	Cross        string    `json:"cross,omitempty"`
	TrustedUntil time.Time `json:"trusted_until"`
}

// read reads the folder. A state without a root is a mistake that must not be answered with a new root:
// everybody would have to learn it.
func (a *authority) read() (authorityState, error) {
	var s authorityState
	data, err := config.ReadBounded(filepath.Join(a.dir, rootFile), maxFile)
	saved, stateErr := config.ReadBounded(filepath.Join(a.dir, authorityFile), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(stateErr, fs.ErrNotExist):
		return s, errNoRoot
	case errors.Is(err, fs.ErrNotExist):
		return s, fmt.Errorf("%s is gone: restore it from a backup, or remove the folder for a new authority, which nobody trusts yet", filepath.Join(a.dir, rootFile))
	case err != nil:
		return s, err
	}
	if s.root, s.key, err = parseRoot(data); err != nil {
		return s, fmt.Errorf("%s: %w; restore it from a backup, or remove the folder for a new authority, which nobody trusts yet", filepath.Join(a.dir, rootFile), err)
	}
	if errors.Is(stateErr, fs.ErrNotExist) {
		s.issuedUntil = s.root.NotAfter // nobody knows: the safe side
		return s, nil
	}
	if stateErr != nil {
		return s, stateErr
	}
	if err := s.restore(saved); err != nil {
		return s, fmt.Errorf("%s: %w; restore it from a backup, or remove it: former roots are then forgotten", filepath.Join(a.dir, authorityFile), err)
	}
	return s, nil
}

// restore takes over the form of authorityFile.
func (s *authorityState) restore(data []byte) error {
	var saved savedAuthority
	if err := json.Unmarshal(data, &saved); err != nil {
		return err
	}
	s.issuedUntil = saved.IssuedUntil
	for _, one := range saved.Former {
		f := formerRoot{until: one.TrustedUntil}
		var err error
		if f.cert, err = parseCertificate([]byte(one.Root)); err != nil {
			return err
		}
		if one.Cross != "" {
			if f.cross, err = parseCertificate([]byte(one.Cross)); err != nil {
				return err
			}
		}
		if f.cert.Equal(s.root) {
			// A rotation that a crash broke off: the root is still in use.
			if f.until.After(s.issuedUntil) {
				s.issuedUntil = f.until
			}
			continue
		}
		s.former = append(s.former, f)
	}
	return nil
}

// parseRoot reads a root with its key.
func parseRoot(data []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	p, err := parsePair(FromInternalCA, data, data)
	if err != nil {
		return nil, nil, err
	}
	key, ok := p.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !p.Leaf.IsCA {
		return nil, nil, errors.New("it is no authority of Holdfast")
	}
	return p.Leaf, key, nil
}

// parseCertificate reads the first certificate of a PEM text.
func parseCertificate(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM form")
	}
	return x509.ParseCertificate(block.Bytes)
}

func (a *authority) writeRoot(s authorityState) error {
	private, err := pemOfKey(s.key)
	if err != nil {
		return err
	}
	return WritePrivate(filepath.Join(a.dir, rootFile), append(pemOf(s.root), private...))
}

// publishFile is for whoever wants to trust the authority without asking for it.
func (a *authority) publishFile(roots []*x509.Certificate) error {
	var published []byte
	for _, c := range roots {
		published = append(published, pemOf(c)...)
	}
	file := filepath.Join(a.dir, publishedFile)
	if had, err := config.ReadBounded(file, maxFile); err == nil && bytes.Equal(had, published) {
		return nil
	}
	return writePublic(file, published)
}

func (a *authority) writeState(s authorityState) error {
	saved := savedAuthority{IssuedUntil: s.issuedUntil.UTC()}
	for _, f := range s.former {
		one := savedFormer{Root: string(pemOf(f.cert)), TrustedUntil: f.until.UTC()}
		if f.cross != nil {
			one.Cross = string(pemOf(f.cross))
		}
		saved.Former = append(saved.Former, one)
	}
	data, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return err
	}
	return WritePrivate(filepath.Join(a.dir, authorityFile), append(data, '\n'))
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func pemOfKey(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
