package config

// Route is a match and exactly one of app, urls, file_server, redirect and respond. Of all routes
// that match, the most specific wins: exact host before wildcard before none, then exact path before
// longer prefix, then more conditions, then higher Priority, then the name in byte order.
type Route struct {
	// Listeners on which the route answers (default: every listener that does not redirect).
	Listeners []string `yaml:"listeners"`
	// Match is what a request must be like (default: everything).
	Match Match `yaml:"match"`
	// Priority decides between equally specific routes; higher first (default 0).
	Priority int `yaml:"priority"`
	// StripPrefix is cut from the path before the request is served.
	StripPrefix string `yaml:"strip_prefix"`
	// App serves the request with one of its ready instances.
	App string `yaml:"app"`
	// URLs serve the request: http://host:port or https://host:port of servers that Holdfast does not run.
	URLs []string `yaml:"urls"`
	// Weights are the shares of urls, one for each in their order; one with 0 stands in when all others are
	// out (default: equal ones).
	Weights []int `yaml:"weights" rule:"min=0,max=1000"`
	// Transport is how urls are spoken to; instances of apps are in HTTP/1.1, without TLS.
	Transport Transport `yaml:"transport"`
	// Balance picks the instance: round_robin, least_conn, random_two (the less busy of two that are
	// picked by chance) or hash (the same one for the same BalanceKey) (default round_robin).
	Balance Balance `yaml:"balance"`
	// BalanceKey is what hash goes by: client_ip (the whole address), header:NAME, cookie:NAME or jwt_subject
	// (who sent the request, as jwt, api_keys, basic_auth or client_certificate found out). A request without
	// it goes to whose turn it is (default client_ip).
	BalanceKey Key `yaml:"balance_key"`
	// Sticky keeps a client at the instance that answered it first.
	Sticky *Sticky `yaml:"sticky"`
	// SlowStart is how long an instance takes, from being ready, to get its full share: it begins with a tenth
	// of it. What is as new as all others is not held back (default 0s).
	SlowStart Duration `yaml:"slow_start"`
	// Outlier takes an instance out of balancing that fails where others do not.
	Outlier *Outlier `yaml:"outlier"`
	// HealthCheck asks each of urls regularly and takes out what fails. At the beginning all of them get requests;
	// a check without http_get only connects. http_get asks in HTTP/1.1: servers that speak HTTP/2 only want
	// tcp_socket (default: none is asked).
	HealthCheck *Probe `yaml:"health_check"`
	// Timeout is how long an answer's header may take, all tries included (default 30s; 0s = no bound).
	Timeout Duration `yaml:"timeout"`
	// TryTimeout is how long one try may take until the answer's header (default 0s: no bound of its own).
	TryTimeout Duration `yaml:"try_timeout"`
	// Parking holds requests while an app that has no ready instance is on its way back.
	Parking Parking `yaml:"parking"`
	// Allow are the networks (CIDR or address) whose clients may come (default: all).
	Allow []string `yaml:"allow"`
	// Deny are networks whose clients are answered with 403, even when Allow has them (default: none).
	Deny []string `yaml:"deny"`
	// ClientCertificate wants or takes a TLS client certificate.
	ClientCertificate *ClientCertificate `yaml:"client_certificate"`
	// JWT wants a JSON Web Token.
	JWT *JWT `yaml:"jwt"`
	// APIKeys wants one of the given keys.
	APIKeys *APIKeys `yaml:"api_keys"`
	// BasicAuth wants a user's name and password.
	BasicAuth *BasicAuth `yaml:"basic_auth"`
	// CORS lets pages of other origins call.
	CORS *CORS `yaml:"cors"`
	// Flow bounds how many requests come through, by one or more rules.
	Flow Flows `yaml:"flow"`
	// MaxBodySize bounds a request's body; beyond it the answer is 413 (default 0B: no bound).
	MaxBodySize Size `yaml:"max_body_size"`
	// Fault makes requests slow or fail, to try what happens then.
	Fault *Fault `yaml:"fault"`
	// CircuitBreaker stops asking an upstream that fails, by one or more rules.
	CircuitBreaker Breakers `yaml:"circuit_breaker"`
	// Retry asks again where that is safe.
	Retry *Retry `yaml:"retry"`
	// Fallback is what is answered when the upstream does not.
	Fallback *Fallback `yaml:"fallback"`
	// RequestHeaders changes what the upstream gets.
	RequestHeaders Headers `yaml:"request_headers"`
	// ResponseHeaders changes what the client gets.
	ResponseHeaders Headers `yaml:"response_headers"`
	// SecurityHeaders adds the header fields by which browsers protect a site.
	SecurityHeaders *SecurityHeaders `yaml:"security_headers"`
	// Compress compresses answers on their way.
	Compress *Compress `yaml:"compress"`
	// ErrorPages are HTML files for errors that Holdfast itself answers with, by status ("404") or class
	// ("5xx"), for clients that take HTML; others get problem+json.
	ErrorPages map[string]string `yaml:"error_pages" rule:"path"`
	// FileServer serves files from a folder.
	FileServer *FileServer `yaml:"file_server"`
	// Redirect answers with another address.
	Redirect *Redirect `yaml:"redirect"`
	// Respond answers with a fixed response.
	Respond *Respond `yaml:"respond"`
}

// Parking holds requests for an app whose last ready instance is being restarted: what was not sent
// yet, or may be repeated without harm, waits instead of being answered with a 503.
type Parking struct {
	// MaxRequests may wait at once; further ones are answered with a 503 and Retry-After (default 256;
	// 0 = none waits).
	MaxRequests int `yaml:"max_requests" rule:"min=0,max=100000"`
	// Timeout is how long a request waits before it is answered with a 503 and Retry-After (default
	// 10s).
	Timeout Duration `yaml:"timeout" rule:"min=1ms"`
}

// Match is a set of conditions; all must hold.
type Match struct {
	// Host is one or more host names without port; "*.example.com" matches one more label.
	Host OneOrMany `yaml:"host"`
	// PathPrefix matches whole segments: /api matches /api and /api/x, not /apix.
	PathPrefix string `yaml:"path_prefix"`
	// Path matches exactly.
	Path string `yaml:"path"`
	// Method is one or more request methods. GET alone is not HEAD, and with cors browsers send OPTIONS, too.
	Method OneOrMany `yaml:"method"`
	// Header maps names to wanted values, of which a request has one exactly so; "*" wants any value.
	Header map[string]string `yaml:"header"`
}

// FileServer serves files from Root and nothing outside it, symbolic links included.
type FileServer struct {
	// Root is the folder (required).
	Root string `yaml:"root" rule:"required,path"`
	// Index are file names tried for a folder (default [index.html]).
	Index []string `yaml:"index"`
	// CacheControl for names without a content hash (default "no-cache": stored, revalidated).
	// Names with one get "public, max-age=31536000, immutable".
	CacheControl string `yaml:"cache_control"`
	// TryFiles are paths below Root that are tried one after the other; ${path} stands for the request's
	// own, and the first that is a file is served (default ["${path}"]).
	TryFiles []string `yaml:"try_files" rule:"placeholders=request"`
	// SPA is the file for paths that name none, for applications that route in the browser: index.html.
	// Paths with an extension, and clients that do not take HTML, still get 404 (default: none).
	SPA string `yaml:"spa"`
	// Precompressed serves NAME.br, NAME.zst or NAME.gz instead of NAME to clients that take it
	// (default true).
	Precompressed bool `yaml:"precompressed"`
}

// Redirect sends the client elsewhere.
type Redirect struct {
	// To is an absolute URL or a path; ${path} and ${query} stand for the request's own (required).
	To string `yaml:"to" rule:"required,placeholders=request"`
	// Status is 301, 302, 303, 307 or 308 (default 308).
	Status int `yaml:"status"`
}

// Respond is a fixed answer.
type Respond struct {
	// Status from 200 to 599 (default 200).
	Status int `yaml:"status" rule:"min=200,max=599"`
	// Body of the answer, at most 64 KiB.
	Body string `yaml:"body"`
	// Headers of the answer (default Content-Type: text/plain; charset=utf-8).
	Headers map[string]string `yaml:"headers"`
}
