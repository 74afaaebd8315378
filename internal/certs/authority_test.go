package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
)

// internal is a certificate of the internal authority.
func internal(lifetime time.Duration, names ...string) config.Certificate {
	return config.Certificate{InternalCA: &config.InternalCA{Names: names, Lifetime: config.Duration(lifetime)}}
}

// verify checks a served chain as somebody who trusts roots does.
func verify(t *testing.T, c *tls.Certificate, host string, roots ...*x509.Certificate) error {
	t.Helper()
	o := x509.VerifyOptions{DNSName: host, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: time.Now()}
	for _, r := range roots {
		o.Roots.AddCert(r)
	}
	for _, der := range c.Certificate[1:] {
		one, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		o.Intermediates.AddCert(one)
	}
	_, err := c.Leaf.Verify(o)
	return err
}

// shown is the certificate "shop".
func shown(t *testing.T, s *Store) *tls.Certificate {
	t.Helper()
	c, err := s.Get("shop")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// runStore has Run do its work until the test ends.
func runStore(t *testing.T, s *Store) {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

// TestInternalCA follows a day of a certificate on the clock.
func TestInternalCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, heard, _ := newStore(t)
		if err := s.Apply(map[string]config.Certificate{"shop": internal(24*time.Hour, "shop.test", "10.0.0.5")}); err != nil {
			t.Fatal(err)
		}
		runStore(t, s)
		begin := time.Now()
		first := shown(t, s)
		if err := verify(t, first, "shop.test", s.Roots()...); err != nil {
			t.Error(err)
		}
		if err := verify(t, first, "10.0.0.5", s.Roots()...); err != nil {
			t.Error(err)
		}
		if err := verify(t, first, "other.test", s.Roots()...); err == nil {
			t.Error("good for another host")
		}
		if got := begin.Sub(first.Leaf.NotBefore); got != backdate {
			t.Errorf("valid since %v before its issue", got)
		}
		if got := first.Leaf.NotAfter.Sub(begin); got != 24*time.Hour {
			t.Errorf("valid for %v", got)
		}
		if !slices.Equal(first.Leaf.ExtKeyUsage, bothUses()) || first.Leaf.IsCA {
			t.Errorf("usage %v, CA %v", first.Leaf.ExtKeyUsage, first.Leaf.IsCA)
		}
		renewal := s.List()[0].Renewal
		if at := renewal.Sub(begin); at > 15*time.Hour+36*time.Minute || at < 14*time.Hour+24*time.Minute {
			t.Errorf("renewal after %v, want 60 to 65 percent of the life", at)
		}
		time.Sleep(time.Until(renewal) - 2*time.Second)
		synctest.Wait()
		if shown(t, s) != first {
			t.Error("renewed before its time")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		second := shown(t, s)
		if second.Leaf.Equal(first.Leaf) || heard.count(Renewed, "shop") != 1 || heard.count(Expiring, "shop") != 0 {
			t.Errorf("not renewed: %d notices", heard.count(Renewed, "shop"))
		}
		if first.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(second.Leaf.PublicKey) {
			t.Error("the former key is used on")
		}
		// Somebody asks for a new one.
		if kind, ok := s.Renew("shop"); kind != FromInternalCA || !ok {
			t.Errorf("Renew = %v, %v", kind, ok)
		}
		synctest.Wait()
		if shown(t, s).Leaf.Equal(second.Leaf) {
			t.Error("not renewed on request")
		}
		if _, ok := s.Renew("gone"); ok {
			t.Error("renewed what is not there")
		}
	})
}

// TestRootRotation follows a change of the root until the former one is forgotten.
func TestRootRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newStore(t)
		if err := s.Apply(map[string]config.Certificate{"shop": internal(24*time.Hour, "shop.test")}); err != nil {
			t.Fatal(err)
		}
		before := shown(t, s)
		old := s.Roots()
		if err := s.RotateRoot(false); err != nil {
			t.Fatal(err)
		}
		s.refresh(wall())
		roots, after := s.Roots(), shown(t, s)
		if len(roots) != 2 || !roots[1].Equal(old[0]) || roots[0].Equal(old[0]) {
			t.Fatalf("%d roots", len(roots))
		}
		if err := after.Leaf.CheckSignatureFrom(roots[0]); err != nil {
			t.Errorf("the new leaf is not by the new root: %v", err)
		}
		for _, tt := range []struct {
			name  string
			cert  *tls.Certificate
			roots []*x509.Certificate
			good  bool
		}{
			{"new leaf, new root", after, roots[:1], true},
			{"new leaf, former root alone", after, old, true},
			{"old leaf, both", before, roots, true},
			{"old leaf, new root alone", before, roots[:1], false},
		} {
			if err := verify(t, tt.cert, "shop.test", tt.roots...); (err == nil) != tt.good {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if list, err := s.Authority(); err != nil || len(list) != 2 || list[0].Former || !list[1].Former || time.Until(list[1].Until) > 25*time.Hour {
			t.Errorf("Authority = %+v, %v", list, err)
		}
		// The former one's last certificate has ended.
		time.Sleep(26 * time.Hour)
		s.refresh(wall())
		if roots := s.Roots(); len(roots) != 1 {
			t.Errorf("%d roots after the last old certificate has ended", len(roots))
		}
		// Its cross certificate goes on for those who know only the former root, but not for ever.
		if err := verify(t, shown(t, s), "shop.test", old...); err != nil {
			t.Errorf("a day later: %v", err)
		}
		time.Sleep(crossLife)
		s.refresh(wall())
		if err := verify(t, shown(t, s), "shop.test", old...); err == nil {
			t.Error("the former root counts for ever")
		}
		if n := len(shown(t, s).Certificate); n != 1 {
			t.Errorf("%d certificates are sent in the end", n)
		}

		// A root that must not be trusted any more is forgotten at once.
		lost := s.Roots()
		if err := s.RotateRoot(true); err != nil {
			t.Fatal(err)
		}
		s.refresh(wall())
		if roots := s.Roots(); len(roots) != 1 || roots[0].Equal(lost[0]) {
			t.Errorf("%d roots after a distrusted one", len(roots))
		}
		if err := verify(t, shown(t, s), "shop.test", lost...); err == nil {
			t.Error("the distrusted root still vouches")
		}
	})
}

// The authority outlives restarts and broken rotations, and is never made anew behind somebody's back.
func TestAuthorityFiles(t *testing.T) {
	dir := scratch(t)
	open := func() *Store { return New(Options{DataDir: dir}) }
	first := open()
	root := first.Roots()[0]
	path := func(name string) string { return filepath.Join(dir, "ca", name) }
	if runtime.GOOS != "windows" {
		for _, name := range []string{rootFile, authorityFile} {
			if info, err := os.Stat(path(name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	if again := open(); !again.Roots()[0].Equal(root) {
		t.Error("another root after a restart")
	}
	key, csr, err := NewRequest([]string{"shop.test"})
	if err != nil || !strings.Contains(string(key), "PRIVATE KEY") {
		t.Fatal(err)
	}
	if _, err := first.Issue(Request{CSR: csr, Lifetime: 48 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	formerRootFile, err := os.ReadFile(path(rootFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.RotateRoot(false); err != nil {
		t.Fatal(err)
	}
	again := open()
	if roots := again.Roots(); len(roots) != 2 || !roots[1].Equal(root) {
		t.Fatalf("%d roots after a rotation and a restart", len(roots))
	}
	if published, err := os.ReadFile(path(publishedFile)); err != nil || strings.Count(string(published), "BEGIN CERTIFICATE") != 2 {
		t.Errorf("%s: %v\n%s", publishedFile, err, published)
	}
	// A crash between the state and the root: the former root goes on.
	write(t, path(rootFile), formerRootFile)
	broken := open()
	if roots := broken.Roots(); len(roots) != 1 || !roots[0].Equal(root) {
		t.Errorf("%d roots after a broken rotation", len(roots))
	}
	if err := broken.RotateRoot(false); err != nil {
		t.Fatal(err)
	}
	if list, err := broken.Authority(); err != nil || len(list) != 2 || time.Until(list[1].Until) < 47*time.Hour {
		t.Errorf("what the root had issued is forgotten: %+v, %v", list, err)
	}
	// What a state that cannot be read is about nobody knows.
	state, err := os.ReadFile(path(authorityFile))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path(authorityFile), state[:len(state)/2])
	if _, err := open().Authority(); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("half a state: %v", err)
	}
	// A root that is gone is no reason for another one.
	if err := os.Remove(path(rootFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Authority(); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("a lost root: %v", err)
	}
	write(t, path(rootFile), []byte("nonsense"))
	if s := open(); s.Roots() != nil {
		t.Error("nonsense is trusted")
	}
	write(t, path(authorityFile), state)
	if _, err := open().Authority(); err == nil || !strings.Contains(err.Error(), "remove the folder") {
		t.Errorf("nonsense as root: %v", err)
	}
	if s := New(Options{}); s.Roots() != nil || s.Apply(map[string]config.Certificate{"a": internal(time.Hour, "a.test")}) == nil {
		t.Error("an authority without a data folder")
	}
}

// TestPublishedRoots: the file of what to trust follows, whatever came in between.
func TestPublishedRoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := scratch(t)
		s := New(Options{DataDir: dir})
		if err := s.Apply(map[string]config.Certificate{"shop": internal(time.Hour, "shop.test")}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "ca", publishedFile)
		same := func(when string) {
			t.Helper()
			var want []byte
			for _, c := range s.Roots() {
				want = append(want, pemOf(c)...)
			}
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %v\n%s", when, err, got)
			}
		}
		same("at first")
		if err := s.RotateRoot(true); err != nil {
			t.Fatal(err)
		}
		if err := verify(t, shown(t, s), "shop.test", s.Roots()...); err != nil {
			t.Errorf("who knows the new root alone: %v", err)
		}
		same("after a distrusted root")
		// It cannot be written: the rotation is told to be done all the same.
		if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
			t.Fatal(err)
		}
		former := s.Roots()[0]
		if err := s.RotateRoot(false); err == nil || !strings.Contains(err.Error(), "there is a new root") || s.Roots()[0].Equal(former) {
			t.Errorf("a folder in its place: %v", err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		s = New(Options{DataDir: dir})
		if n := len(s.Roots()); n != 2 {
			t.Errorf("%d roots", n)
		}
		same("after a restart")
		time.Sleep(3 * time.Hour)
		if n := len(s.Roots()); n != 1 {
			t.Errorf("%d roots after the former one's time", n)
		}
		same("after the former one's time")
	})
}

// TestFormerRoots: there are never so many that the authority could not be read again.
func TestFormerRoots(t *testing.T) {
	dir := scratch(t)
	s := New(Options{DataDir: dir})
	if err := s.Apply(map[string]config.Certificate{"shop": internal(time.Hour, "shop.test")}); err != nil {
		t.Fatal(err)
	}
	for range maxFormer {
		if err := s.RotateRoot(false); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.RotateRoot(false); err == nil || !strings.Contains(err.Error(), "--distrust") {
		t.Errorf("one more: %v", err)
	}
	if n := len(New(Options{DataDir: dir}).Roots()); n != maxFormer+1 {
		t.Errorf("%d roots after a restart", n)
	}
	if err := s.RotateRoot(true); err != nil || len(s.Roots()) != 1 {
		t.Errorf("distrusted: %v, %d roots", err, len(s.Roots()))
	}
}

func TestIssue(t *testing.T) {
	s := New(Options{DataDir: scratch(t)})
	_, csr, err := NewRequest([]string{"deploy-bot", "ops@example.com", "spiffe://example.com/shop", "10.0.0.7", "*.shop.test"})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := s.Issue(Request{CSR: csr, Client: true, Lifetime: 8 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := parseCertificate([]byte(issued.Chain))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || leaf.Subject.CommonName != "deploy-bot" || len(issued.Names) != 5 {
		t.Errorf("issued %v %q %v", leaf.ExtKeyUsage, leaf.Subject.CommonName, issued.Names)
	}
	if left := time.Until(leaf.NotAfter); left > 8*time.Hour || left < 8*time.Hour-time.Minute {
		t.Errorf("valid for %v", left)
	}
	if root := s.Roots()[0]; leaf.CheckSignatureFrom(root) != nil || issued.Roots != string(pemOf(root)) {
		t.Error("not by the root that comes with it")
	}
	// Twenty years are longer than the root: never beyond its end.
	end := s.Roots()[0].NotAfter
	chain, _, err := s.authority.issue(order{subjects{dns: []string{"a"}}, leaf.PublicKey, 20 * rootLife, bothUses()}, wall())
	if err != nil || chain[0].NotAfter.After(end) {
		t.Errorf("beyond the root's end: %v, %v", chain, err)
	}
	if _, _, err := s.authority.issue(order{subjects{dns: []string{"a"}}, leaf.PublicKey, time.Hour, bothUses()}, end.Add(time.Hour)); err == nil {
		t.Error("a root that has ended issues")
	}
	tampered := slices.Clone(csr)
	for _, tt := range []struct {
		name string
		r    Request
		want string
	}{
		{"no PEM", Request{CSR: []byte("x")}, "no PEM block"},
		{"a certificate", Request{CSR: []byte(issued.Chain)}, "no PEM block"},
		{"too long", Request{CSR: csr, Lifetime: 2 * MaxLifetime}, "lifetime"},
		{"too short", Request{CSR: csr, Lifetime: time.Second}, "lifetime"},
		{"signature", Request{CSR: swapNames(t, tampered)}, "csr"},
	} {
		if _, err := s.Issue(tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for _, name := range []string{"", "a b", "-x", "http://", "a@", "a/b", strings.Repeat("x", 300), "\u00fcber.test"} {
		if _, _, err := NewRequest([]string{name}); err == nil {
			t.Errorf("%q is taken as a name", name)
		}
	}
}

// swapNames changes what a request asks for after it was signed.
func swapNames(t *testing.T, csr []byte) []byte {
	t.Helper()
	return pemReplace(t, csr, "deploy-bot", "deploy-pot")
}

// TestRotationUnderLoad renews the certificate and changes the root while clients shake hands. Those
// who know only the first root, and those who know the present ones, all succeed.
func TestRotationUnderLoad(t *testing.T) {
	s, _, _ := newStore(t)
	if err := s.Apply(map[string]config.Certificate{"shop": internal(24*time.Hour, "shop.test")}); err != nil {
		t.Fatal(err)
	}
	first := s.Roots()
	address := serveTLS(t, s)
	var clients sync.WaitGroup
	stop := make(chan struct{})
	var shaken [8]int
	for i := range shaken {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				pool := x509.NewCertPool()
				roots := first
				if i%2 == 1 {
					roots = s.Roots()
				}
				for _, r := range roots {
					pool.AddCert(r)
				}
				conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: "shop.test", RootCAs: pool})
				if err != nil {
					t.Errorf("handshake of client %d: %v", i, err)
					return
				}
				_ = conn.Close()
				shaken[i]++
			}
		})
	}
	seen := map[string]bool{}
	now := wall()
	for i := range 40 {
		s.Renew("shop")
		if i == 20 {
			if err := s.RotateRoot(false); err != nil {
				t.Fatal(err)
			}
		}
		s.refresh(now)
		seen[shown(t, s).Leaf.SerialNumber.String()] = true
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(shown(t, s).Leaf) {
			t.Error("the former certificate is shown")
		}
		_ = conn.Close()
	}
	close(stop)
	clients.Wait()
	if len(seen) != 40 {
		t.Errorf("%d certificates, want 40", len(seen))
	}
	for i, n := range shaken {
		if n == 0 {
			t.Errorf("client %d shook no hand", i)
		}
	}
}
