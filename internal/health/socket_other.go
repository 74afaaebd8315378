//go:build !linux

package health

// dialTo connects to an address.
func (p *Prober) dialTo(address string) dial { return p.dialWith(address) }
