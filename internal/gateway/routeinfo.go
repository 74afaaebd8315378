package gateway

import "holdfast/internal/status"

// RouteInfo tells about one route; its JSON form is the management API's.
type RouteInfo struct {
	Name string `json:"name"`
	// Listeners on which it answers.
	Listeners []string          `json:"listeners"`
	Hosts     []string          `json:"hosts,omitempty"`
	Path      string            `json:"path,omitempty"`
	Prefix    string            `json:"path_prefix,omitempty"`
	Methods   []string          `json:"methods,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Priority  int               `json:"priority"`
	// Kind is app, urls, file_server, redirect or respond, and Target what it leads to.
	Kind   string `json:"kind"`
	Target string `json:"target"`
	App    string `json:"app,omitempty"`
	// Policies are in front of it, in the order in which a request meets them.
	Policies []string `json:"policies,omitempty"`
	// Targets are the instances or urls.
	Targets []status.RouteTarget `json:"targets,omitempty"`
}
