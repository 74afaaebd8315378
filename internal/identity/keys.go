package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// fetchTimeout bounds one getting of keys; a request may have to wait for it.
	fetchTimeout = 5 * time.Second
	// leastBetween is the least time between two gettings that were not due, and after one that failed.
	leastBetween = 30 * time.Second
	// trustFor is how long keys count that cannot be got anew.
	trustFor = 24 * time.Hour
)

// Source gets a JWK set from where the issuer publishes it.
type Source func(ctx context.Context) ([]byte, error)

// KeyOptions are how keys are kept.
type KeyOptions struct {
	// Algorithms are for keys that do not name theirs.
	Algorithms []string
	// Symmetric allows keys that sign and check alike (HMAC), if they name their algorithm: only where
	// nobody else can read them.
	Symmetric bool
	// RefreshEvery is when keys are got anew.
	RefreshEvery time.Duration
	// Go runs a function in the background; it is given a context that ends with the service.
	Go func(func(context.Context))
	// OnError hears of every getting that failed, and of the first one that works again with nil.
	OnError func(error)
}

// Keys are the keys of one issuer. They are got when they are first wanted, and anew when they are old; the
// last good ones stay while that fails, for at most a day.
type Keys struct {
	source Source
	o      KeyOptions

	set  atomic.Pointer[dated]
	busy atomic.Bool // somebody renews in the background

	turn   chan struct{} // has the one place for whoever gets keys, and guards the rest
	tried  time.Time
	failed bool
}

// dated is a set with the time when it was got.
type dated struct {
	*keySet
	at time.Time
}

// NewKeys returns the keys that source has.
func NewKeys(source Source, o KeyOptions) *Keys {
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	return &Keys{source: source, o: o, turn: make(chan struct{}, 1)}
}

// current are the keys to check with.
func (k *Keys) current(ctx context.Context, now time.Time) (*keySet, error) {
	d := k.set.Load()
	if d == nil {
		return k.get(ctx, nil, now)
	}
	age := now.Sub(d.at)
	if age >= trustFor { // nobody came for a day, or they cannot be got
		return k.get(ctx, d.keySet, now)
	}
	if age >= k.o.RefreshEvery && k.busy.CompareAndSwap(false, true) {
		k.o.Go(func(ctx context.Context) {
			defer k.busy.Store(false)
			_, _ = k.get(ctx, d.keySet, now) // told to OnError
		})
	}
	return d.keySet, nil
}

// renewed are the keys after a token named one that had does not have. They are got at most every
// leastBetween: anybody can make up names of keys.
func (k *Keys) renewed(ctx context.Context, had *keySet, now time.Time) *keySet {
	set, err := k.get(ctx, had, now)
	if err != nil {
		return had // the token is refused with what is known
	}
	return set
}

// get gets the keys, unless somebody else just did: then those are the answer. Callers wait for each
// other, so that the issuer is asked once.
func (k *Keys) get(ctx context.Context, had *keySet, now time.Time) (*keySet, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d := k.set.Load()
	if d != nil && d.keySet != had {
		return d.keySet, nil
	}
	if !k.tried.IsZero() && now.Sub(k.tried) < leastBetween {
		if d == nil || now.Sub(d.at) >= trustFor {
			return nil, ErrNoKeys
		}
		return d.keySet, nil
	}
	k.tried = now
	// A client that goes away must not spoil it for those who wait.
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer done()
	set, err := k.fetch(ctx)
	if err != nil {
		k.failed = true
		k.o.OnError(err)
		return nil, ErrNoKeys
	}
	if k.failed {
		k.failed = false
		k.o.OnError(nil)
	}
	if d != nil && d.equal(set) {
		set = d.keySet // tokens that were checked stay so
	}
	k.set.Store(&dated{set, now})
	return set, nil
}

func (k *Keys) fetch(ctx context.Context) (*keySet, error) {
	data, err := k.source(ctx)
	if err != nil {
		return nil, err
	}
	set, err := parseKeys(data, k.o)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	set.source = sha256.Sum256(data)
	return set, nil
}
