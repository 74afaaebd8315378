package config

import (
	"maps"
	"reflect"
	"slices"
)

// Changes tells what differs between two configurations, part by part. Names are sorted.
type Changes struct {
	AppsAdded   []string `json:"apps_added,omitempty"`
	AppsRemoved []string `json:"apps_removed,omitempty"`
	AppsChanged []string `json:"apps_changed,omitempty"`

	Management   bool `json:"management,omitempty"`
	Listeners    bool `json:"listeners,omitempty"`
	Certificates bool `json:"certificates,omitempty"`
	Routes       bool `json:"routes,omitempty"`
	Logging      bool `json:"logging,omitempty"`
}

// Empty reports whether nothing differs.
func (c Changes) Empty() bool { return reflect.DeepEqual(c, Changes{}) }

// Diff compares two loaded configurations; an old of nil counts as one without anything.
func Diff(old, updated *Config) Changes {
	if old == nil {
		old = &Config{}
	}
	c := Changes{
		Management:   !reflect.DeepEqual(old.Management, updated.Management),
		Listeners:    !reflect.DeepEqual(old.Listeners, updated.Listeners),
		Certificates: !reflect.DeepEqual(old.Certificates, updated.Certificates),
		Routes:       !sameRoutes(old.Routes, updated.Routes),
		Logging:      !reflect.DeepEqual(old.Logging, updated.Logging),
	}
	for _, name := range slices.Sorted(maps.Keys(updated.Apps)) {
		was, known := old.Apps[name]
		switch {
		case !known:
			c.AppsAdded = append(c.AppsAdded, name)
		case !reflect.DeepEqual(was, updated.Apps[name]):
			c.AppsChanged = append(c.AppsChanged, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.Apps)) {
		if _, kept := updated.Apps[name]; !kept {
			c.AppsRemoved = append(c.AppsRemoved, name)
		}
	}
	return c
}

// sameRoutes is DeepEqual without a copy of every route on the heap: there may be thousands.
func sameRoutes(a, b map[string]Route) bool {
	if len(a) != len(b) {
		return false
	}
	var x, y Route
	for name := range a {
		var ok bool
		if y, ok = b[name]; !ok {
			return false
		}
		if x = a[name]; !reflect.DeepEqual(&x, &y) {
			return false
		}
	}
	return true
}
