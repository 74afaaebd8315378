package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
)

const (
	// selfSignedLife is how long a certificate that signs itself is valid, and selfSignedRenew how long
	// before its end the next one is made. Whoever trusts it has to trust the next one anew.
	selfSignedLife  = 365 * 24 * time.Hour
	selfSignedRenew = 30 * 24 * time.Hour
)

// selfSigned is a certificate that signs itself, kept in a file with its key.
type selfSigned struct {
	names []string
	file  string // empty: there is no data folder

	asked atomic.Int64
	mu    sync.Mutex // held while the file is made
	made  int64      // the asked that the file answers
}

func (s *selfSigned) renew() { s.asked.Add(1) }

func (s *selfSigned) look(time.Time) any {
	type seen struct {
		file  fileStamp
		asked int64
	}
	return seen{lookAt(s.file), s.asked.Load()}
}

// load has the kept certificate, or a new one when there is none for these names, its end is near, or
// somebody asked for it.
func (s *selfSigned) load(now time.Time) ([]*pair, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	retry := now.Add(time.Minute)
	if s.file == "" {
		return nil, retry, errNoData
	}
	asked := s.asked.Load()
	p, err := readPair(FromSelfSigned, s.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, retry, fmt.Errorf("%w; remove the file for a new certificate", err)
	}
	if err == nil && asked == s.made && sameNames(p.names, s.names) && now.Before(p.Leaf.NotAfter.Add(-selfSignedRenew)) {
		return []*pair{p}, p.Leaf.NotAfter.Add(-selfSignedRenew), nil
	}
	data, err := s.create(now)
	if err != nil {
		return nil, retry, err
	}
	if err := WritePrivate(s.file, data); err != nil {
		return nil, retry, err
	}
	s.made = asked
	if p, err = parsePair(FromSelfSigned, data, data); err != nil {
		return nil, retry, err
	}
	return []*pair{p}, p.Leaf.NotAfter.Add(-selfSignedRenew), nil
}

func (s *selfSigned) create(now time.Time) ([]byte, error) {
	names, err := parseSubjects(s.names)
	if err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		NotBefore: now.Add(-backdate), NotAfter: now.Add(selfSignedLife),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature, ExtKeyUsage: bothUses(),
	}
	names.put(template)
	cert, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := pemOfKey(key)
	if err != nil {
		return nil, err
	}
	return append(pemOf(cert), private...), nil
}

// readPair reads a file with a chain and its key.
func readPair(kind Source, file string) (*pair, error) {
	data, err := config.ReadBounded(file, maxFile)
	if err != nil {
		return nil, err
	}
	p, err := parsePair(kind, data, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}
