package upstream

import "crypto/subtle"

// Token is the one that stands for the target, for the client to bring back; zero without sticky tokens.
func (l Lease) Token() Token {
	if l.picked == nil {
		return Token{}
	}
	return l.picked.token
}

// wanted is whom a token stands for; nil: nobody here, or it is forged. Who the target is, is no secret to
// whoever has its token; how much of the proof is right must not show in the time.
func (t *tier) wanted(want *Token) *candidate {
	for i := range t.list {
		c := &t.list[i]
		if [tokenFinds]byte(c.token[:tokenFinds]) == [tokenFinds]byte(want[:tokenFinds]) {
			if subtle.ConstantTimeCompare(c.token[:], want[:]) == 1 {
				return c
			}
			return nil
		}
	}
	return nil
}
