package identity

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// published is a source that can change, fail and count.
type published struct {
	mu     sync.Mutex
	data   []byte
	err    error
	gets   int
	slow   time.Duration
	errors []error
}

func (p *published) get(ctx context.Context) ([]byte, error) {
	p.mu.Lock()
	p.gets++
	data, err, slow := p.data, p.err, p.slow
	p.mu.Unlock()
	select {
	case <-time.After(slow):
		return data, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *published) set(data []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data, p.err = data, err
}

func (p *published) keys() *Keys {
	return NewKeys(p.get, KeyOptions{
		Algorithms: []string{"ES256"}, RefreshEvery: 15 * time.Minute,
		Go:      func(f func(context.Context)) { go f(context.Background()) },
		OnError: func(err error) { p.errors = append(p.errors, err) },
	})
}

// TestKeyRotation follows an issuer that changes its keys: the new one works at once, the old one no
// longer than it is published.
func TestKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newIssuer(t), newIssuer(t)
		p := &published{data: first.jwks()}
		tokens := NewTokens(TokenRules{Issuer: "i", Audience: []string{"a"}, MaxLifetime: time.Hour}, p.keys())
		verify := func(i *issuer, id string) error {
			now := time.Now()
			body := fmt.Sprintf(`{"iss":"i","aud":"a","iat":%d,"exp":%d}`, now.Unix(), now.Unix()+600)
			_, err := tokens.Verify(t.Context(), i.sign(`{"alg":"ES256","kid":"`+id+`"}`, body, "ES256", i.ec), now)
			synctest.Wait()
			return err
		}
		if err := verify(first, "ec"); err != nil || p.gets != 1 {
			t.Fatalf("%v after %d gettings", err, p.gets)
		}
		renamed := []byte(strings.Replace(string(second.jwks()), `"kid":"ec"`, `"kid":"ec2"`, 1))
		p.set(renamed, nil)
		if err := verify(second, "ec2"); err == nil || p.gets != 1 {
			t.Errorf("the keys were got %d times within half a minute (%v)", p.gets, err)
		}
		time.Sleep(leastBetween)
		if err := verify(second, "ec2"); err != nil || p.gets != 2 {
			t.Errorf("the new key: %v after %d gettings", err, p.gets)
		}
		if err := verify(first, "ec"); err == nil {
			t.Error("the old key still counts")
		}
		for range 100 {
			_ = verify(first, "made-up")
		}
		if p.gets != 2 {
			t.Errorf("made-up names of keys had them got %d times", p.gets)
		}
		time.Sleep(15 * time.Minute)
		if err := verify(second, "ec2"); err != nil || p.gets != 3 {
			t.Errorf("after the time for a look: %v after %d gettings", err, p.gets)
		}
	})
}

func TestKeysThatCannotBeGot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		p := &published{err: errors.New("refused")}
		k := p.keys()
		get := func() error {
			_, err := k.current(t.Context(), time.Now())
			synctest.Wait()
			return err
		}
		for range 3 {
			if err := get(); !errors.Is(err, ErrNoKeys) || p.gets != 1 {
				t.Fatalf("%v after %d gettings", err, p.gets)
			}
		}
		time.Sleep(leastBetween)
		p.set([]byte("nonsense"), nil)
		if err := get(); !errors.Is(err, ErrNoKeys) || p.gets != 2 {
			t.Fatalf("nonsense: %v after %d gettings", err, p.gets)
		}
		time.Sleep(leastBetween)
		p.set(i.jwks(), nil)
		if err := get(); err != nil {
			t.Fatal(err)
		}
		// They stay for a day while there are no new ones.
		p.set(nil, errors.New("away"))
		time.Sleep(trustFor - time.Second)
		if err := get(); err != nil {
			t.Errorf("after a day but a second: %v", err)
		}
		time.Sleep(time.Second)
		if err := get(); !errors.Is(err, ErrNoKeys) {
			t.Errorf("after a day: %v", err)
		}
		time.Sleep(leastBetween)
		p.set(i.jwks(), nil)
		if err := get(); err != nil {
			t.Errorf("they can be got again: %v", err)
		}
		time.Sleep(3 * trustFor)
		if err := get(); err != nil {
			t.Errorf("nobody came for days: %v", err)
		}
		told := fmt.Sprint(p.errors)
		if len(p.errors) < 4 || p.errors[len(p.errors)-1] != nil || !strings.Contains(told, "refused") {
			t.Errorf("told: %v", told)
		}
	})
}

// One slow issuer is asked once, however many wait.
func TestKeysAreGotOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &published{data: newIssuer(t).jwks(), slow: time.Second}
		k := p.keys()
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if _, err := k.current(t.Context(), time.Now()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if p.gets != 1 {
			t.Errorf("got %d times", p.gets)
		}
		// One that does not answer at all ends after fetchTimeout.
		p.slow, p.gets = time.Hour, 0
		k = p.keys()
		begin := time.Now()
		if _, err := k.current(t.Context(), begin); !errors.Is(err, ErrNoKeys) || time.Since(begin) != fetchTimeout {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestParseKeys(t *testing.T) {
	o := KeyOptions{Algorithms: []string{"RS256", "ES256"}}
	const secret = `{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
	for name, tt := range map[string]struct {
		data      string
		symmetric bool
		want      string // a part of the error; empty: good
	}{
		"empty set":              {`{"keys":[]}`, false, "empty"},
		"nonsense":               {`<html>`, false, "not a JSON Web Key Set"},
		"a secret":               {`{"keys":[` + secret + `]}`, false, "only taken from a file"},
		"a secret, from a file":  {`{"keys":[` + secret + `]}`, true, ""},
		"a secret without alg":   {strings.Replace(secret, `"alg":"HS256",`, "", 1), true, "only taken from a file and with its alg"},
		"a secret too short":     {`{"kty":"oct","alg":"HS512","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, true, "does not fit"},
		"a short RSA key":        {`{"kty":"RSA","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xB7}, 128)) + `"}`, false, "too short"},
		"for encryption":         {strings.Replace(string(newIssuer(t).jwks()), `"kty"`, `"use":"enc","kty"`, 1), false, ""},
		"algorithm of no use":    {`{"kty":"oct","alg":"A128KW","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, true, "not known here"},
		"one short beside good":  {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xB7}, 128)) + `"},` + strings.TrimPrefix(string(newIssuer(t).jwks()), `{"keys":[`), false, ""},
		"a point off the curve":  {`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`, false, ""},
		"one broken beside good": {`{"keys":[` + strings.TrimPrefix(strings.TrimSuffix(string(newIssuer(t).jwks()), "]}"), `{"keys":[`) + `,{"kty":"oct","k":"AA"}]}`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o.Symmetric = tt.symmetric
			set, err := parseKeys([]byte(tt.data), o)
			switch {
			case name == "a point off the curve":
				if err == nil {
					t.Error("taken")
				}
			case tt.want == "":
				if err != nil || len(set.keys) == 0 {
					t.Errorf("%v", err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// The memory of good tokens is bounded, and forgets with the keys.
func TestCache(t *testing.T) {
	var c cache
	set, other := &keySet{}, &keySet{}
	for n := range 10 * maxKnown {
		c.put(set, digest{byte(n), byte(n >> 8), byte(n >> 16)}, &Claims{})
		if n%100 == 0 && c.get(set, digest{}) == nil {
			t.Fatalf("what is asked for is forgotten after %d", n)
		}
	}
	if n := len(c.now) + len(c.old); n > 2*maxKnown {
		t.Errorf("%d are known", n)
	}
	if c.get(other, digest{}) != nil {
		t.Error("a token is known under other keys")
	}
}
