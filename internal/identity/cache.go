package identity

import "sync"

// maxKnown bounds the tokens that are remembered, twice over.
const maxKnown = 4096

type digest = [32]byte

// cache remembers tokens whose signature was good, for as long as the keys stay the same. It has two
// halves: what is not asked for while one fills up is forgotten.
type cache struct {
	mu       sync.Mutex
	set      *keySet
	now, old map[digest]*Claims
}

func (c *cache) get(set *keySet, id digest) *Claims {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set != set {
		return nil
	}
	if claims := c.now[id]; claims != nil {
		return claims
	}
	claims := c.old[id]
	if claims != nil {
		c.add(id, claims)
	}
	return claims
}

func (c *cache) put(set *keySet, id digest, claims *Claims) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.set != set {
		c.set, c.now, c.old = set, nil, nil
	}
	c.add(id, claims)
}

func (c *cache) add(id digest, claims *Claims) {
	if c.now == nil || len(c.now) >= maxKnown {
		c.old, c.now = c.now, map[digest]*Claims{}
	}
	c.now[id] = claims
}
