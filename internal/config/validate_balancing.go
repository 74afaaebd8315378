package config

import "fmt"

// balancing checks how a route's targets are chosen and spoken to.
func (v *validator) balancing(at path, route Route) {
	if n := len(route.Weights); n > 0 && n != len(route.URLs) {
		sub := at.key("weights")
		v.report(codeTogether, v.value(sub), sub, fmt.Sprintf("weights has %d entries for %d urls", n, len(route.URLs)), "write one for each of urls, in their order")
	}
	if name := route.Transport.Certificate; name != "" {
		reference(v, at.key("transport").key("certificate"), "certificate", name, v.cfg.Certificates)
	}
}
