package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192 // beyond it a signature takes so long that it is an attack
)

// key is a public key with the algorithms it may be used with.
type key struct {
	id         string
	algorithms []string
	public     any
}

// algorithm is the library's value for one of k's algorithms.
func (k *key) algorithm(name string) jwa.SignatureAlgorithm {
	a, _ := jwa.LookupSignatureAlgorithm(name) // it is one of those of usable
	return a
}

// keySet is the keys of one issuer at one time. It is immutable.
type keySet struct {
	keys   []*key
	byID   map[string][]*key
	source digest // of the text they were read from
}

func (s *keySet) equal(other *keySet) bool { return s.source == other.source }

// candidates are the keys that a token with this header may be signed with.
func (s *keySet) candidates(head header) []*key {
	from := s.keys
	if head.KeyID != "" {
		from = s.byID[head.KeyID]
	}
	var out []*key
	for _, k := range from {
		if slices.Contains(k.algorithms, head.Algorithm) {
			out = append(out, k)
		}
	}
	return out
}

// parseKeys reads a JWK set (RFC 7517) or a single JWK. Keys that are not for checking signatures, or of a
// kind that is not known, are passed over; no usable key at all is an error.
func parseKeys(data []byte, o KeyOptions) (*keySet, error) {
	var file struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, errors.New("not a JSON Web Key Set")
	}
	if file.Keys == nil {
		file.Keys = []json.RawMessage{data}
	}
	if len(file.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys are more than %d", len(file.Keys), maxKeys)
	}
	s := &keySet{byID: map[string][]*key{}}
	why := errors.New("it is empty")
	for _, text := range file.Keys {
		raw, err := jwk.ParseKey(text)
		if err != nil {
			why = errors.New("a key is broken, too short or of an unknown kind")
			continue
		}
		k, err := usable(raw, o)
		if err != nil {
			why = err
			continue
		}
		s.keys = append(s.keys, k)
		if k.id != "" {
			s.byID[k.id] = append(s.byID[k.id], k)
		}
	}
	if len(s.keys) == 0 {
		return nil, fmt.Errorf("no key in it can check signatures: %w", why)
	}
	return s, nil
}

// usable makes a key of a JWK.
func usable(raw jwk.Key, o KeyOptions) (*key, error) {
	if use, ok := raw.KeyUsage(); ok && use != "" && use != "sig" {
		return nil, fmt.Errorf("a key is for %q", use)
	}
	if operations, ok := raw.KeyOps(); ok && len(operations) > 0 && !slices.Contains(operations, jwk.KeyOpVerify) {
		return nil, errors.New("a key is not for verifying")
	}
	public, err := raw.PublicKey()
	if err != nil {
		return nil, errors.New("a key is broken")
	}
	k := &key{}
	k.id, _ = raw.KeyID()
	if err := jwk.Export(public, &k.public); err != nil {
		return nil, errors.New("a key is broken")
	}
	var fits []string
	named := ""
	if a, ok := raw.Algorithm(); ok && a != nil {
		named = a.String()
	}
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("an RSA key has %d bits, which is not from %d to %d", bits, minRSABits, maxRSABits)
		}
		fits = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch p.Curve {
		case elliptic.P256():
			fits = []string{"ES256"}
		case elliptic.P384():
			fits = []string{"ES384"}
		case elliptic.P521():
			fits = []string{"ES512"}
		}
	case ed25519.PublicKey:
		fits = []string{"EdDSA"}
	case []byte:
		if !o.Symmetric || named == "" {
			return nil, errors.New("a key is a secret, which is only taken from a file and with its alg")
		}
		for name, least := range map[string]int{"HS256": 32, "HS384": 48, "HS512": 64} { // RFC 7518, 3.2
			if len(p) >= least {
				fits = append(fits, name)
			}
		}
	}
	if named != "" {
		if !slices.Contains(fits, named) {
			return nil, fmt.Errorf("a key is for %s, which it does not fit or is not known here", named)
		}
		k.algorithms = []string{named}
		return k, nil
	}
	for _, name := range fits {
		if slices.Contains(o.Algorithms, name) {
			k.algorithms = append(k.algorithms, name)
		}
	}
	if len(k.algorithms) == 0 {
		return nil, errors.New("a key fits none of the allowed algorithms")
	}
	return k, nil
}
