package policy

import (
	"hash/maphash"
	"net/netip"
)

const (
	maxShards = 16
	// perShard is the least number of keys that is worth a mutex of its own.
	perShard = 64
	// maxUses is how many rounds of the clock a key survives that is not used any more.
	maxUses = 3
	// maxSearch bounds the keys that are looked at to find one to forget.
	maxSearch = 128
)

// table has the states of keys, by a hash that nobody outside can foresee: keys of any length take the same
// memory. What is forgotten when it is full is found by a clock: a key that was used more than once survives
// some rounds, so that a crowd of keys that come once each forget each other, and not those who come all the
// time. One with requests in flight is never forgotten; there can be so many more than the table is for.
type table struct {
	seed   maphash.Seed
	shards []shard
}

func newTable(most int) *table {
	most = max(1, most)
	n := 1
	for n < maxShards && most >= 2*n*perShard {
		n *= 2
	}
	t := &table{seed: maphash.MakeSeed(), shards: make([]shard, n)}
	for i := range t.shards {
		t.shards[i].most = most / n
		t.shards[i].keys = map[uint64]*state{}
	}
	return t
}

func (t *table) shard(hash uint64) *shard { return &t.shards[hash>>32%uint64(len(t.shards))] }

// find is the state of a key; fresh says that nothing is known of it. The mutex is held.
func (sh *shard) find(hash uint64) (s *state, fresh bool) {
	if s = sh.keys[hash]; s != nil {
		s.uses = min(s.uses+1, maxUses)
		return s, false
	}
	if len(sh.ring) >= sh.most {
		s = sh.forget()
	}
	if s == nil {
		s = &state{}
		sh.ring = append(sh.ring, s)
	}
	s.hash, s.uses = hash, 0
	sh.keys[hash] = s
	return s, true
}

// forget frees the state of a key that is not in use; nil when all that were looked at are.
func (sh *shard) forget() *state {
	best := -1
	for range min(maxSearch, len(sh.ring)) {
		at := sh.hand
		sh.hand = (sh.hand + 1) % len(sh.ring)
		s := sh.ring[at]
		if s.inFlight > 0 {
			continue
		}
		if best < 0 || s.uses < sh.ring[best].uses {
			best = at
		}
		if s.uses == 0 {
			break
		}
		s.uses--
	}
	if best < 0 {
		return nil
	}
	delete(sh.keys, sh.ring[best].hash)
	return sh.ring[best]
}

// Text is the key of a text, such as the value of a header.
func (l *Limiter) Text(text string) uint64 {
	if l.keys == nil {
		return 0
	}
	return maphash.String(l.keys.seed, text)
}

// Client is the key of a client's address. An IPv6 address counts by its first 64 bits: that is the least
// that one client is given (RFC 6177), and the rest is its own choice.
func (l *Limiter) Client(address string) uint64 {
	if l.keys == nil {
		return 0
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return maphash.String(l.keys.seed, address)
	}
	bytes := addr.As16()
	if addr = addr.Unmap(); addr.Is4() {
		return maphash.Bytes(l.keys.seed, bytes[12:])
	}
	return maphash.Bytes(l.keys.seed, bytes[:8])
}
