package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

const sesame = "open sesame, please"

func TestAPIKeys(t *testing.T) {
	sum := sha256.Sum256([]byte(sesame))
	keys, err := NewAPIKeys(map[string]string{"hashed": "sha256:" + hex.EncodeToString(sum[:]), "plain": "another long secret"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		sesame: "hashed", "another long secret": "plain", "another long secre": "", "": "", strings.ToUpper(sesame): "",
		"sha256:" + hex.EncodeToString(sum[:]): "", // the hash is no key
	} {
		if caller, ok := keys.Caller(key); caller != want || ok != (want != "") {
			t.Errorf("%q is %q", key, caller)
		}
	}
	for name, bad := range map[string]map[string]string{
		"short":     {"a": "0123456789abcde"},
		"bad hash":  {"a": "sha256:abc"},
		"no hex":    {"a": "sha256:" + strings.Repeat("x", 64)},
		"the same":  {"a": sesame, "b": sesame},
		"same hash": {"a": sesame, "b": "sha256:" + hex.EncodeToString(sum[:])},
	} {
		if _, err := NewAPIKeys(bad); err == nil || strings.Contains(err.Error(), sesame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	argon, err := HashPassword(sesame)
	if err != nil {
		t.Fatal(err)
	}
	if other, _ := HashPassword(sesame); other == argon || !strings.HasPrefix(argon, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("hashes %s and %s", argon, other)
	}
	b, err := bcrypt.GenerateFromPassword([]byte("swordfish"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPasswords(map[string]string{"alice": argon, "bob": string(b), "carol": "$2y$" + string(b[4:])}, NewTurns())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user, password string
		want           bool
	}{
		{"alice", sesame, true},
		{"alice", sesame, true}, // remembered
		{"alice", "Open sesame, please", false},
		{"alice", "", false},
		{"alice", sesame, true},
		{"bob", "swordfish", true},
		{"bob", sesame, false},
		{"carol", "swordfish", true},
		{"mallory", sesame, false},
		{"mallory", "swordfish", false},
		{"", "", false},
		{"bob", strings.Repeat("x", 100), false},
	} {
		if got, err := p.Check(t.Context(), "192.0.2.1", tt.user, tt.password); err != nil || got != tt.want {
			t.Errorf("%s %q: %v %v", tt.user, tt.password, got, err)
		}
	}
}

func TestPasswordsAreCheckedAFewAtATime(t *testing.T) {
	b, err := bcrypt.GenerateFromPassword([]byte("swordfish"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPasswords(map[string]string{"bob": string(b)}, NewTurns())
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Check(t.Context(), "192.0.2.1", "bob", "swordfish"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range hashesAtOnce {
		p.turns.all <- struct{}{}
	}
	defer func() {
		for range hashesAtOnce {
			<-p.turns.all
		}
	}()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Check(ended, "192.0.2.1", "bob", "guess"); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	if ok, err := p.Check(ended, "192.0.2.1", "bob", "swordfish"); !ok || err != nil {
		t.Errorf("who is known has to wait: %v %v", ok, err)
	}
}

func TestNoClientHasAllTurns(t *testing.T) {
	turns := NewTurns()
	other := "192.0.2.2"
	for i := 3; turns.lane(other) == turns.lane("192.0.2.1"); i++ {
		other = fmt.Sprint("192.0.2.", i)
	}
	leave, err := turns.enter(t.Context(), "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.enter(ended, "192.0.2.1"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one of the same client: %v", err)
	}
	leaveOther, err := turns.enter(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	leaveOther()
	for range 2 { // nothing is kept
		leave, err := turns.enter(t.Context(), "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
}

func TestCheckHash(t *testing.T) {
	const argon = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$ndXvUkRpsGnoLsJ3lYgTnVtpcJDPvqSxSRcJZE8XKfo"
	for hash, good := range map[string]bool{
		argon: true,
		strings.Replace(argon, "argon2id", "argon2i", 1):     false,
		strings.Replace(argon, "v=19", "v=16", 1):            false,
		strings.Replace(argon, "m=65536", "m=4294967295", 1): false,
		strings.Replace(argon, "m=65536", "m=0", 1):          false,
		strings.Replace(argon, "t=3", "t=1000", 1):           false,
		strings.Replace(argon, "p=4", "p=0", 1):              false,
		strings.Replace(argon, "$c29", "$!29", 1):            false,
		argon + "$":                         false,
		argon[:len(argon)-30]:               false,
		"$2b$31$" + strings.Repeat("a", 53): false, // would take weeks
		"$2b$10$short":                      false,
		"$1$salt$hash":                      false,
		"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=": false,
		"plain":                             false,
		"":                                  false,
	} {
		if err := CheckHash(hash); (err == nil) != good {
			t.Errorf("%s: %v", hash, err)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$ndXvUkRpsGnoLsJ3lYgTng")
	f.Add("$2b$04$abcdefghijklmnopqrstuu")
	f.Fuzz(func(_ *testing.T, hash string) { _ = CheckHash(hash) })
}
