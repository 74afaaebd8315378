package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// hashedKey begins a key that is given as its SHA-256.
const hashedKey = "sha256:"

// APIKeys knows callers by a shared secret. It keeps the keys' hashes only: finding one by its hash
// takes the same time however much of a guess is right.
type APIKeys struct{ callers map[digest]string }

// NewAPIKeys takes the keys by caller: the key itself, or "sha256:" and the hexadecimal SHA-256 of it.
// Its errors name the caller and never the key.
func NewAPIKeys(keys map[string]string) (*APIKeys, error) {
	a := &APIKeys{callers: make(map[digest]string, len(keys))}
	for caller, key := range keys {
		sum := sha256.Sum256([]byte(key))
		if given, ok := strings.CutPrefix(key, hashedKey); ok {
			data, err := hex.DecodeString(given)
			if err != nil || len(data) != len(sum) {
				return nil, fmt.Errorf("the key of %q is not sha256: and 64 hexadecimal digits", caller)
			}
			sum = digest(data)
		} else if len(key) < MinAPIKey {
			return nil, fmt.Errorf("the key of %q is shorter than %d characters", caller, MinAPIKey)
		}
		if other, twice := a.callers[sum]; twice {
			return nil, fmt.Errorf("%q and %q have the same key", min(caller, other), max(caller, other))
		}
		a.callers[sum] = caller
	}
	return a, nil
}

// MinAPIKey is the least length of a key: a shorter one can be guessed.
const MinAPIKey = 16

// Caller is who has this key.
func (a *APIKeys) Caller(key string) (string, bool) {
	caller, ok := a.callers[sha256.Sum256([]byte(key))]
	return caller, ok
}
