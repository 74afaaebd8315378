package gateway

import (
	"fmt"
	"reflect"

	"holdfast/internal/config"
)

// layer is one policy in front of what serves a route. Its wrap returns inner itself for a route
// without the policy, which then costs nothing.
type layer struct {
	name string // as RouteInfo.Policies tells it
	wrap func(b *build, inner responder) (responder, error)
}

// build is what a layer may use while a route is compiled. It must not keep it: the next route is made
// with the same one.
type build struct {
	g      *Gateway
	next   *setup
	route  *route
	conf   config.Route
	config *config.Config

	everywhere []string // the listeners of a route that names none
	// callers are the fields by which routes tell who sent a request, by what they lead to; nil: not yet known.
	callers map[string][]string
}

// layers are the policies in their fixed order, the outermost first. Request id, trace, client address,
// access log and metrics are before them; balancing and the transport after.
func layers() []layer {
	return []layer{
		{"response_headers", newResponseFields},
		{"security_headers", newSecurityFields},
		{"compress", newCompress},
		{"cors", newCORS},
		{"access", newNetworks},
		{"client_certificate", newClientCertificate},
		{"jwt", newBearer},
		{"api_keys", newAPIKeys},
		{"basic_auth", newBasicAuth},
		{"caller_fields", newForeignCallers},
		{"flow", newFlow},
		{"max_body_size", newBodyLimit},
		{"fault", newFault},
		{"circuit_breaker", newBreakers},
		{"request_headers", newRequestFields},
	}
}

// onion puts the route's policies around what serves it.
func (b *build) onion(core responder) (responder, error) {
	all := layers()
	for i := len(all) - 1; i >= 0; i-- {
		outer, err := all[i].wrap(b, core)
		if err != nil {
			return nil, fmt.Errorf("route %q: %s: %w", b.route.name, all[i].name, err)
		}
		if outer != core {
			b.route.info.Policies = append([]string{all[i].name}, b.route.info.Policies...)
		}
		core = outer
	}
	return core, nil
}

// kept is a policy's state, which the next setup takes over when nothing of its configuration changed:
// a reload must not close a breaker or forget who was counted.
type kept struct {
	conf  any
	state any
}

// keep is the state of the route's policy name: the one of the present setup if it was made of an equal
// conf, or a new one.
func keep[T any](b *build, name string, conf any, make func() (T, error)) (T, error) {
	key := b.route.name + " " + name
	if had, ok := b.g.current.kept[key]; ok && reflect.DeepEqual(had.conf, conf) {
		if state, ok := had.state.(T); ok {
			b.next.kept[key] = had
			return state, nil
		}
	}
	state, err := make()
	if err == nil {
		b.next.kept[key] = kept{conf, state}
	}
	return state, err
}
