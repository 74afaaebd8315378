package certs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"holdfast/internal/config"
)

const (
	// obtainWithin bounds one try.
	obtainWithin = 5 * time.Minute
	// firstRetry is the wait after a first failure, doubled after each further one up to lastRetry. Within
	// an hour that makes five failures, which is what Let's Encrypt allows
	// (letsencrypt.org/docs/rate-limits).
	firstRetry = 2 * time.Minute
	lastRetry  = 6 * time.Hour
)

// acmeSource is a certificate of an ACME authority. What was obtained is kept in a file with its key;
// obtaining happens in Store.Run, since it takes the authority's time.
type acmeSource struct {
	conf       config.ACME
	dir, name  string // dir is empty when there is no data folder
	challenges *challenges

	mu       sync.Mutex
	obtained int       // outcomes so far: the cue to load
	due      time.Time // of the next try; zero before the first load
	failures int
	err      error
}

func newACME(conf config.ACME, dir, name string, c *challenges) *acmeSource {
	return &acmeSource{conf: conf, dir: dir, name: name, challenges: c}
}

func (a *acmeSource) file() string { return filepath.Join(a.dir, a.name+".pem") }

func (a *acmeSource) look(time.Time) any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.obtained
}

// renew has it obtained at once.
func (a *acmeSource) renew() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.due = time.Unix(0, 0)
}

// load has what was obtained, and the error of the newest try. What was obtained for other names, or from
// another authority, is presented until the new one is there: a name that is added must not end the others.
func (a *acmeSource) load(now time.Time) ([]*pair, time.Time, error) {
	if a.dir == "" {
		return nil, now.Add(time.Minute), errNoData
	}
	p, asWanted := a.kept()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.due.IsZero() {
		if a.due = now; asWanted {
			a.due = renewAt(p.Leaf.NotBefore, p.Leaf.NotAfter)
		}
	}
	if p == nil {
		return nil, time.Time{}, a.err
	}
	return []*pair{p}, time.Time{}, a.err
}

// authorityLine begins a file: where its certificate is from.
const authorityLine = "authority: "

// kept is what was obtained, and whether that is what is wanted now. A file that cannot be used is as good
// as none, and so is one for none of the names.
func (a *acmeSource) kept() (p *pair, asWanted bool) {
	data, err := config.ReadBounded(a.file(), maxFile)
	if err != nil {
		return nil, false
	}
	if p, err = parsePair(FromACME, data, data); err != nil || len(without(a.conf.Names, p.names)) == len(a.conf.Names) {
		return nil, false
	}
	from, said := strings.CutPrefix(string(data[:max(0, bytes.IndexByte(data, '\n'))]), authorityLine)
	return p, sameNames(p.names, a.conf.Names) && (!said || from == a.conf.Directory)
}

// without are the names that are not among others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(others, func(o string) bool { return strings.EqualFold(o, name) })
	})
}

// nextTry is when it is obtained next.
func (a *acmeSource) nextTry() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.due
}

// obtain has one goroutine ask the authorities for whatever is due, one certificate after the other.
func (s *Store) obtain(ctx context.Context, running *sync.WaitGroup) {
	if !s.obtaining.CompareAndSwap(false, true) {
		return
	}
	var due []*acmeSource
	for _, e := range *s.current.Load() {
		if a, ok := e.source.(*acmeSource); ok && !wall().Before(a.nextTry()) {
			due = append(due, a)
		}
	}
	if len(due) == 0 {
		s.obtaining.Store(false)
		return
	}
	slices.SortFunc(due, func(a, b *acmeSource) int { return strings.Compare(a.name, b.name) })
	running.Go(func() {
		defer s.prod()
		defer s.obtaining.Store(false)
		for _, a := range due {
			if ctx.Err() != nil {
				return
			}
			a.try(ctx)
			s.prod()
		}
	})
}

// try obtains the certificate and remembers how that went.
func (a *acmeSource) try(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, obtainWithin)
	defer cancel()
	leaf, err := a.obtain(bounded)
	if ctx.Err() != nil {
		return // Holdfast is ending
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.obtained++
	if err != nil {
		wait := min(firstRetry<<min(a.failures, 16), lastRetry)
		a.failures++
		a.due = wall().Add(wait)
		a.err = fmt.Errorf("authority %s: %s; next try in %s", a.conf.Directory, oneLine(err), wait)
		return
	}
	a.failures, a.err = 0, nil
	a.due = renewAt(leaf.NotBefore, leaf.NotAfter)
}

// obtain asks the authority for a certificate (RFC 8555, section 7) and keeps it.
func (a *acmeSource) obtain(ctx context.Context) (*x509.Certificate, error) {
	transport, err := a.transport()
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	client := &acme.Client{
		Directory:  a.conf.Directory,
		HTTPClient: &http.Client{Transport: bounded{transport}, Timeout: time.Minute},
		UserAgent:  "Holdfast",
	}
	account := acme.Account{TermsOfServiceAgreed: a.conf.AgreeToTerms}
	if a.conf.Email != "" {
		account.Contact = []string{"mailto:" + a.conf.Email}
	}
	if account.PrivateKey, err = a.accountKey(); err != nil {
		return nil, err
	}
	if _, err := client.GetDirectory(ctx); err != nil {
		return nil, fmt.Errorf("its directory cannot be had; acme.directory has to be the URL of one: %w", err)
	}
	// For a key that the authority knows this is a look at the account (RFC 8555, section 7.3.1).
	if account, err = client.NewAccount(ctx, account); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	kind := acme.ChallengeTypeTLSALPN01
	if a.conf.Challenge == config.ChallengeHTTP {
		kind = acme.ChallengeTypeHTTP01
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	solving := &acmez.Client{Client: client, ChallengeSolvers: map[string]acmez.Solver{kind: a.challenges}}
	chains, err := solving.ObtainCertificateForSANs(ctx, account, key, a.conf.Names)
	if err != nil {
		return nil, err
	}
	if len(chains) == 0 {
		return nil, errors.New("it has issued nothing")
	}
	private, err := pemOfKey(key)
	if err != nil {
		return nil, err
	}
	p, err := parsePair(FromACME, chains[0].ChainPEM, private)
	if err != nil {
		return nil, fmt.Errorf("what it has issued: %w", err)
	}
	if !sameNames(p.names, a.conf.Names) {
		return nil, fmt.Errorf("it has issued a certificate for %s", strings.Join(p.names, ", "))
	}
	return p.Leaf, WritePrivate(a.file(), slices.Concat([]byte(authorityLine+a.conf.Directory+"\n"), chains[0].ChainPEM, private))
}

// transport speaks to the authority alone.
func (a *acmeSource) transport() (*http.Transport, error) {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}
	if a.conf.CAFile == "" {
		return t, nil
	}
	data, err := config.ReadBounded(a.conf.CAFile, maxFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("ca_file: no certificate is in %s", a.conf.CAFile)
	}
	return t, nil
}

// bounded cuts answers off that are longer than those of an authority.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxFile), resp.Body}
	}
	return resp, err
}

// maxTold bounds what an authority, or who stands in its place, has to say in an error.
const maxTold = 1000

// oneLine is what an error says.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > maxTold {
		text = strings.ToValidUTF8(text[:maxTold], "") + "..."
	}
	return text
}

// accountKey is the key by which the authority knows us, made at the first use.
func (a *acmeSource) accountKey() (crypto.Signer, error) {
	sum := sha256.Sum256([]byte(a.conf.Directory + "\n" + a.conf.Email))
	file := filepath.Join(a.dir, "accounts", hex.EncodeToString(sum[:8])+".key")
	data, err := config.ReadBounded(file, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		private, err := pemOfKey(key)
		if err != nil {
			return nil, err
		}
		return key, WritePrivate(file, private)
	case err != nil:
		return nil, fmt.Errorf("account key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("account key: %s is no PEM file; remove it for a new account", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("account key: %s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("account key: %s: it cannot sign", file)
	}
	return signer, nil
}
