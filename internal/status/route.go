package status

// RouteQuery is a request that is only thought of: what would the gateway do with it?
type RouteQuery struct {
	// URL is an absolute http or https URL, as a client would ask for it.
	URL string `json:"url"`
	// Method of the request (default GET).
	Method string `json:"method,omitempty"`
	// Headers of the request; Host stands for the URL's own host.
	Headers map[string][]string `json:"headers,omitempty"`
	// Listener by which it comes in (default: the one that has the URL's scheme and port).
	Listener string `json:"listener,omitempty"`
}

// RouteOutcome is what becomes of a request.
type RouteOutcome string

// The outcomes.
const (
	// RouteServed: a route takes it.
	RouteServed RouteOutcome = "served"
	// RouteAnswered: the gateway answers it by itself, for the whole server.
	RouteAnswered RouteOutcome = "answered"
	// RouteRedirected: the listener sends every request to another one.
	RouteRedirected RouteOutcome = "redirected"
	// RouteRefused: it is refused before a route is looked for.
	RouteRefused RouteOutcome = "refused"
	// RouteNone: no route matches.
	RouteNone RouteOutcome = "no_route"
	// RouteNoListener: no listener takes it.
	RouteNoListener RouteOutcome = "no_listener"
)

// RouteTest tells what the gateway would do with a request, and why.
type RouteTest struct {
	Outcome RouteOutcome `json:"outcome"`
	// Why says it in one sentence.
	Why string `json:"why"`
	// Listener by which it comes in. OtherListeners take the same URL, on other addresses.
	Listener       string   `json:"listener,omitempty"`
	OtherListeners []string `json:"other_listeners,omitempty"`
	// Method, Host and Path are what routes are matched with: the host without port and in lower case,
	// the canonical path, decoded.
	Method string `json:"method"`
	Host   string `json:"host,omitempty"`
	Path   string `json:"path,omitempty"`
	// Status and Location are of an answer that no route gives.
	Status   int    `json:"status,omitempty"`
	Location string `json:"location,omitempty"`
	// Route is the one that wins; Kind, Target and App are what serves it.
	Route  string `json:"route,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Target string `json:"target,omitempty"`
	App    string `json:"app,omitempty"`
	// SentPath is the path that is sent on or looked up, after strip_prefix, with its escapes.
	SentPath string `json:"sent_path,omitempty"`
	// Policies are in front of it, in the order in which a request meets them.
	Policies []string `json:"policies,omitempty"`
	// Notes tell what else is done to the request before a route is looked for.
	Notes []string `json:"notes,omitempty"`
	// Lost are the routes that do not serve it, the nearest first; Omitted counts the rest of them.
	Lost    []RouteLoss `json:"lost"`
	Omitted int         `json:"omitted,omitempty"`
}

// RouteLoss tells why a route does not serve a request.
type RouteLoss struct {
	Route string `json:"route"`
	Why   string `json:"why"`
}

// RouteTarget is one target of a route, as the route sees it.
type RouteTarget struct {
	// Instance is the app's instance, or the host of a URL with its port.
	Instance string `json:"instance"`
	// Address is where it is connected to.
	Address string `json:"address"`
	// State is what the route's balancing makes of it.
	State TargetState `json:"state"`
	// InFlight are requests that are with it now, of all routes.
	InFlight int64 `json:"in_flight"`
}

// TargetState is whether requests may go to a target.
type TargetState string

// The states of a RouteTarget.
const (
	// TargetReady gets requests.
	TargetReady TargetState = "ready"
	// TargetResting refused a connection within the last second, and gets none while there is another one.
	TargetResting TargetState = "resting"
	// TargetEjected is out because of its failures (outlier).
	TargetEjected TargetState = "ejected"
	// TargetFailing is a URL whose health_check fails.
	TargetFailing TargetState = "failing"
	// TargetNotReady is an instance that supervision keeps out.
	TargetNotReady TargetState = "not_ready"
)
