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

// sameRoutes is DeepEqual for thousands of routes.
func sameRoutes(a, b map[string]Route) bool {
	if len(a) != len(b) {
		return false
	}
	var x, y Route
	one, other := reflect.ValueOf(&x).Elem(), reflect.ValueOf(&y).Elem()
	var name string
	for name, x = range a {
		var ok bool
		if y, ok = b[name]; !ok || !same(one, other) {
			return false
		}
	}
	return true
}

// same is DeepEqual for values of one type without cycles: to look out for those takes most of the time.
func same(a, b reflect.Value) bool {
	switch a.Kind() { //nolint:exhaustive // what is rare goes the long way
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Float64:
		return a.Float() == b.Float()
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() == 0 && b.Len() == 0 {
			return a.IsNil() == b.IsNil()
		}
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
