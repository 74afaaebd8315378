package upstream

// The hashes are the same on every machine and for ever: several Holdfasts in front of the same servers
// agree on who gets which key, and so does one after its restart.

// HashText is the hash of a text, for Choice.Key (FNV-1a).
func HashText(text string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return mix(h)
}

// mix makes every bit of the result depend on every bit of x (the finalizer of SplitMix64: Steele, Lea and
// Flood, 2014).
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// unit is x of 2^64 as a number from 0 to below 1.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
