package config

import (
	"maps"
	"slices"
)

// content checks what is done to messages: headers, files, compression, error pages and faults.
func (v *validator) content(at path, route Route) {
	for _, changes := range []struct {
		key string
		h   Headers
	}{{"request_headers", route.RequestHeaders}, {"response_headers", route.ResponseHeaders}} {
		set, remove := at.key(changes.key).key("set"), at.key(changes.key).key("remove")
		v.headers(set, changes.h.Set)
		names := slices.Sorted(maps.Keys(changes.h.Set))
		v.fieldNames(at.key(changes.key), names, v.key, func(i int) path { return set.key(names[i]) })
		v.fieldNames(at.key(changes.key), changes.h.Remove, v.value, remove.index)
	}
}
