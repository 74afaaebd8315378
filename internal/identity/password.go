package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What a new hash costs: the second of the two choices of RFC 9106, 4, for machines with little memory.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	argonKey     = 32
	argonSalt    = 16
)

// What a hash that somebody wrote into the configuration may cost at most.
const (
	maxArgonTime   = 20
	maxArgonMemory = 256 << 10 // KiB
	maxBcryptCost  = 15
)

// HashPassword is the argon2id hash of a password, in the form of the reference implementation
// ($argon2id$v=19$...).
func HashPassword(password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		e.EncodeToString(salt), e.EncodeToString(sum)), nil
}

// hashed is a hash that a password can be held against.
type hashed interface{ fits(password string) bool }

// CheckHash says what is wrong with a hash: it must be bcrypt or argon2id, and not cost too much.
func CheckHash(hash string) error {
	_, err := parseHash(hash)
	return err
}

var errHash = errors.New("it is neither a bcrypt hash ($2b$...) nor an argon2id hash ($argon2id$...)")

func parseHash(hash string) (hashed, error) {
	switch {
	case strings.HasPrefix(hash, "$argon2id$"):
		return parseArgon(hash)
	case strings.HasPrefix(hash, "$2"):
		if hash, ok := strings.CutPrefix(hash, "$2y$"); ok { // Apache's name for the same
			return parseBcrypt("$2b$" + hash)
		}
		return parseBcrypt(hash)
	default:
		return nil, errHash
	}
}

type bcryptHash []byte

func parseBcrypt(hash string) (hashed, error) {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || len(hash) != 60 {
		return nil, errHash
	}
	if cost > maxBcryptCost {
		return nil, fmt.Errorf("its cost of %d is more than %d", cost, maxBcryptCost)
	}
	return bcryptHash(hash), nil
}

func (h bcryptHash) fits(password string) bool {
	// Longer ones are cut off by other programs and refused by this library.
	return len(password) <= 72 && bcrypt.CompareHashAndPassword(h, []byte(password)) == nil
}

type argonHash struct {
	time, memory uint32
	threads      uint8
	salt, sum    []byte
}

func parseArgon(hash string) (hashed, error) {
	parts := strings.Split(hash, "$") // "", argon2id, v=19, m=..,t=..,p=.., salt, sum
	if len(parts) != 6 || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, errHash
	}
	h := argonHash{}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return nil, errHash
	}
	var numbers [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		text, ok := strings.CutPrefix(costs[i], name)
		n, err := strconv.ParseUint(text, 10, 32)
		if !ok || err != nil || n == 0 {
			return nil, errHash
		}
		numbers[i] = n
	}
	if numbers[0] > maxArgonMemory || numbers[1] > maxArgonTime || numbers[2] > 16 {
		return nil, fmt.Errorf("it costs more than m=%d,t=%d,p=16", maxArgonMemory, maxArgonTime)
	}
	h.memory, h.time, h.threads = uint32(numbers[0]), uint32(numbers[1]), uint8(numbers[2]) //nolint:gosec // bounded above
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.sum) < 16 || len(h.salt) > 64 || len(h.sum) > 64 {
		return nil, errHash
	}
	return h, nil
}

func (h argonHash) fits(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum))) //nolint:gosec // at most 64
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// Passwords knows users by name and password. For a name that is not known the same work is done, so
// that nobody learns which names are. A password that was good is remembered, since browsers send it with
// every request, and its hash is made to take long.
type Passwords struct {
	users map[string]hashed
	decoy hashed
	turns *Turns

	secret digest   // keys what is remembered
	known  sync.Map // user -> digest of the password that was good last
}

// NewPasswords takes the hashes by user, and the turns in which they are checked. Its errors name the user
// and never the hash.
func NewPasswords(users map[string]string, turns *Turns) (*Passwords, error) {
	p := &Passwords{users: make(map[string]hashed, len(users)), turns: turns}
	if _, err := rand.Read(p.secret[:]); err != nil {
		return nil, err
	}
	for _, user := range slices.Sorted(maps.Keys(users)) {
		h, err := parseHash(users[user])
		if err != nil {
			return nil, fmt.Errorf("the password of %q: %w", user, err)
		}
		p.users[user] = h
		if p.decoy == nil {
			p.decoy = h
		}
	}
	return p, nil
}

// Check reports whether a user has this password. It waits for the turn of that client until ctx ends, and
// then fails with ErrBusy.
func (p *Passwords) Check(ctx context.Context, client, user, password string) (bool, error) {
	mac := hmac.New(sha256.New, p.secret[:])
	mac.Write([]byte(password))
	sum := digest(mac.Sum(nil))
	if known, ok := p.known.Load(user); ok {
		if known, _ := known.(digest); subtle.ConstantTimeCompare(known[:], sum[:]) == 1 {
			return true, nil
		}
	}
	leave, err := p.turns.enter(ctx, client)
	if err != nil {
		return false, err
	}
	defer leave()
	h, ok := p.users[user]
	if !ok {
		h = p.decoy
	}
	good := h != nil && h.fits(password) && ok
	if good {
		p.known.Store(user, sum)
	}
	return good, nil
}
