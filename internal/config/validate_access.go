package config

// access checks who may use a route.
func (v *validator) access(at path, route Route) {
	v.networks(at.key("allow"), route.Allow)
	v.networks(at.key("deny"), route.Deny)
}
