package config

import "holdfast/internal/secret"

// Transport is how the servers of a route's urls are spoken to.
type Transport struct {
	// Protocol is http1, h2 (HTTP/2 over TLS, and HTTP/1.1 with servers that do not agree to it) or h2c (HTTP/2
	// without TLS, which the servers must know of). WebSockets go in HTTP/1.1 with all of them (default http1).
	Protocol Protocol `yaml:"protocol"`
	// CAFile is a PEM file of the authorities that https urls are checked against; it is read at the start and
	// with every reload (default: those of the system).
	CAFile string `yaml:"ca_file" rule:"path"`
	// ServerName is the name that the certificate of https urls must have (default: the URL's host).
	ServerName string `yaml:"server_name"`
	// Certificate names an entry of certificates that is shown to https urls (mutual TLS).
	Certificate string `yaml:"certificate"`
}

// Sticky keeps a client at one instance by a cookie, signed so that no client can choose. While that
// instance is not ready another one answers, and the cookie changes.
type Sticky struct {
	// Cookie is its name (default holdfast_instance).
	Cookie string `yaml:"cookie"`
	// MaxAge is how long the browser keeps it, from when it was set or changed (default 0s: until it is closed).
	MaxAge Duration `yaml:"max_age"`
}

// Outlier ejects a target after failures in a row: no connection, a broken one, no answer in time, or a
// status from 500. An instance that is restarted comes back at once.
type Outlier struct {
	// ConsecutiveFailures eject a target (default 5).
	ConsecutiveFailures int `yaml:"consecutive_failures" rule:"min=1,max=1000000"`
	// EjectFor is how long it stays out; each ejection in a row adds as much again, up to ten times, until it
	// was in for ten times as long (default 30s).
	EjectFor Duration `yaml:"eject_for" rule:"min=1ms"`
	// MaxEjected is the share of targets that may be out at once, rounded down, but not to none; one always
	// stays (default 0.5).
	MaxEjected Ratio `yaml:"max_ejected"`
}

// ClientCertificate checks the certificate that a client shows in the TLS handshake. It is checked again
// for every connection, resumed ones included, so that a removed authority counts at once.
type ClientCertificate struct {
	// Mode is require (no request without one) or request (who shows one must have a good one)
	// (default require).
	Mode CertificateMode `yaml:"mode"`
	// CAFile is a PEM file of the authorities that clients' certificates must come from (default: the
	// internal authority's root).
	CAFile string `yaml:"ca_file" rule:"path"`
	// CRLFile is a certificate revocation list, PEM or DER, signed by one of them (default: none).
	CRLFile string `yaml:"crl_file" rule:"path"`
	// Names are the DNS names, URIs or e-mail addresses of which the certificate must have one (default:
	// any).
	Names []string `yaml:"names"`
	// OrganizationalUnits are the OUs of its subject, of which it must have one (default: any).
	OrganizationalUnits []string `yaml:"organizational_units"`
	// MaxLifetime refuses certificates that are valid for longer, which is an alternative to revocation
	// (default 0s: no bound).
	MaxLifetime Duration `yaml:"max_lifetime"`
}

// JWT checks a JSON Web Token (RFC 7519) in the Authorization header.
type JWT struct {
	// Issuer is the wanted iss (required).
	Issuer string `yaml:"issuer" rule:"required"`
	// Audience is one or more wanted aud; the token must have one of them (required).
	Audience OneOrMany `yaml:"audience" rule:"required"`
	// JWKSURL is where the issuer publishes its keys; http only on this machine.
	JWKSURL string `yaml:"jwks_url"`
	// JWKSFile is a file with the keys, instead of JWKSURL.
	JWKSFile string `yaml:"jwks_file" rule:"path"`
	// CAFile is a PEM file of authorities trusted for JWKSURL (default: those of the system).
	CAFile string `yaml:"ca_file" rule:"path"`
	// RefreshEvery is how often the keys are read again; an unknown key id has them read at once, at most
	// every 30s (default 15m).
	RefreshEvery Duration `yaml:"refresh_every" rule:"min=1s"`
	// Algorithms that a key without an alg of its own may be used with (default [RS256, PS256, ES256,
	// ES384, EdDSA]). none and HMAC with a public key never are.
	Algorithms []string `yaml:"algorithms"`
	// MaxLifetime is the longest time from iat (or nbf) to exp (default 15m).
	MaxLifetime Duration `yaml:"max_lifetime" rule:"min=1s"`
	// Leeway is by how much clocks may differ (default 30s).
	Leeway Duration `yaml:"leeway" rule:"max=10m"`
	// Cookie is where the token is taken from when there is no Authorization header (default: nowhere).
	Cookie string `yaml:"cookie"`
	// Scopes must all be in the token's scope or scp; without them the answer is 403 (default: none).
	Scopes []string `yaml:"scopes"`
	// ClaimHeaders maps names of header fields that the upstream gets to claims: X-User: sub. What
	// clients send under these names is removed.
	ClaimHeaders map[string]string `yaml:"claim_headers"`
}

// APIKeys checks a shared secret of a calling program.
type APIKeys struct {
	// Header is the field that has the key (default X-Api-Key). It is not passed on.
	Header string `yaml:"header"`
	// Keys are the callers' keys by caller: the key itself, or sha256: and the hexadecimal SHA-256 of it
	// (required).
	Keys map[string]secret.Value `yaml:"keys" rule:"required"`
	// NameHeader is the field in which the upstream gets the caller's name (default: none).
	NameHeader string `yaml:"name_header"`
}

// BasicAuth checks a user's name and password (RFC 7617). The field is not passed on.
type BasicAuth struct {
	// Realm is what browsers show (default: the route's name).
	Realm string `yaml:"realm"`
	// Users are the hashes of their passwords by name: bcrypt or argon2id, as `holdfast hash` prints
	// them (required).
	Users map[string]secret.Value `yaml:"users" rule:"required"`
	// NameHeader is the field in which the upstream gets the user's name (default: none).
	NameHeader string `yaml:"name_header"`
}

// CORS answers preflight requests and marks answers for pages of other origins (fetch.spec.whatwg.org).
type CORS struct {
	// Origins are the allowed ones, such as https://app.example.com; "*" is any (required).
	Origins []string `yaml:"origins" rule:"required"`
	// Methods that may be used (default [GET, HEAD, POST]).
	Methods []string `yaml:"methods"`
	// Headers that may be sent besides the harmless ones, each by its name (default: none).
	Headers []string `yaml:"headers"`
	// ExposeHeaders are the fields of answers that the page may read (default: none).
	ExposeHeaders []string `yaml:"expose_headers"`
	// Credentials lets the page send cookies; not together with "*" (default false).
	Credentials bool `yaml:"credentials"`
	// MaxAge is how long browsers keep the answer to a preflight (default 10m).
	MaxAge Duration `yaml:"max_age"`
}

// Flows are rules that may be written as one.
type Flows []Flow

// Flow is a rule on how many requests come through; beyond it the answer is 429 with Retry-After. The
// words are Sentinel's.
type Flow struct {
	// QPS is how many requests a second may begin, at least 0.001 (default 0: no bound). With a fraction the
	// second is longer instead: 2.5 are 3 within 1.2 s.
	QPS Number `yaml:"qps"`
	// Concurrency is how many requests may be in flight at once, those that wait and open WebSockets
	// included (default 0: no bound).
	Concurrency int `yaml:"concurrency" rule:"min=0,max=1000000"`
	// Control of QPS: reject (what is beyond it is refused), throttle (requests are spaced evenly and
	// wait), warm_up (after a quiet time the rate rises to QPS from a third of it) or warm_up_throttle
	// (default reject).
	Control FlowControl `yaml:"control"`
	// Key counts separately by client_ip (of IPv6 the first 64 bits), header:NAME, cookie:NAME or
	// jwt_subject (who sent the request, as jwt, api_keys, basic_auth or client_certificate found out);
	// requests without it count together (default: all requests together).
	Key Key `yaml:"key"`
	// Burst is how many requests beyond QPS may come at once, with reject; they come back as fast as QPS is
	// left unused (default 0).
	Burst int `yaml:"burst" rule:"min=0,max=1000000"`
	// MaxWait is the longest wait of throttle (default 500ms).
	MaxWait Duration `yaml:"max_wait"`
	// WarmUp is how long the rate rises (default 10s).
	WarmUp Duration `yaml:"warm_up"`
	// MaxKeys bounds how many keys are counted; beyond it one that came once, or was quiet, is forgotten.
	// Each takes up to 1.5 KiB of memory (default 10000).
	MaxKeys int `yaml:"max_keys" rule:"min=0,max=1000000"`
}

// Breakers are rules that may be written as one.
type Breakers []CircuitBreaker

// CircuitBreaker opens when an upstream fails: requests are then answered with 503 and Retry-After, or the
// fallback, without asking it. After OpenFor some are let through to try; if they are answered well it
// closes. The words are Sentinel's. Clients that leave, and an app without a ready instance, count as
// neither good nor bad; WebSockets and streams of events count by their header.
type CircuitBreaker struct {
	// Strategy is error_ratio, error_count or slow_ratio (default error_ratio).
	Strategy BreakerStrategy `yaml:"strategy"`
	// Threshold is a ratio from 0 to 1, or with error_count a number; more than it opens the breaker, and
	// with 1 all of them (default 0.5, or 50).
	Threshold Number `yaml:"threshold"`
	// SlowAfter is the longest time to an answer's header that is not slow; no answer is slow (required
	// with slow_ratio).
	SlowAfter Duration `yaml:"slow_after"`
	// Window is the time over which is counted, from 100ms to 24h; a tenth of it is forgotten at a time
	// (default 10s).
	Window Duration `yaml:"window"`
	// MinRequests is how many requests the window must have (default 20).
	MinRequests int `yaml:"min_requests" rule:"min=0,max=1000000"`
	// OpenFor is how long it stays open (default 30s).
	OpenFor Duration `yaml:"open_for"`
	// HalfOpenRequests is how many are let through to try, and have to be answered well (default 1).
	HalfOpenRequests int `yaml:"half_open_requests" rule:"min=0,max=10000"`
	// Statuses of answers that are errors, besides no answer at all: "503", "5xx" (default ["5xx"]).
	Statuses []string `yaml:"statuses"`
}

// Retry asks again after a failure, another target where there is one. A request that was sent is
// repeated only if its method is safe to repeat (GET, HEAD, OPTIONS; with Idempotent also PUT and DELETE)
// and it has no body.
type Retry struct {
	// Attempts is how often a request is repeated at most (default 2). What every route does comes before
	// and beside it: a request of which nothing was sent goes to the next target, and one that is safe to
	// repeat is after a broken connection.
	Attempts int `yaml:"attempts" rule:"min=1,max=10"`
	// On lists the failures: connect_failure (of all targets), reset (the connection broke before an
	// answer), timeout (of TryTimeout) and statuses such as "503" (default [connect_failure, reset]).
	On OneOrMany `yaml:"on"`
	// Idempotent repeats PUT and DELETE, too (default false).
	Idempotent bool `yaml:"idempotent"`
	// Backoff is the wait before the first repetition; it doubles, and is up to a half shorter by chance.
	// What would not begin within Timeout is not tried (default 25ms).
	Backoff Duration `yaml:"backoff"`
	// MaxBackoff bounds it (default 1s).
	MaxBackoff Duration `yaml:"max_backoff"`
	// Budget is the share of the last 10 s' requests that may be repeated, so that retries do not add to
	// an overload; 3 a second always may. What every route repeats (see attempts) is not part of it
	// (default 0.2).
	Budget Ratio `yaml:"budget"`
}

// Fallback answers instead of an upstream that does not: exactly one of Respond, App and File. The answer
// says what it stands in for in Holdfast-Fallback; if the fallback fails, there is no other one.
type Fallback struct {
	// On lists when: breaker_open, not_ready, upstream_failed, timeout, rate_limited, or a status of the
	// upstream such as "502" (default [breaker_open, not_ready, upstream_failed, timeout]).
	On OneOrMany `yaml:"on"`
	// Respond is a fixed answer.
	Respond *Respond `yaml:"respond"`
	// App is another app, which gets the request if its body was not touched.
	App string `yaml:"app"`
	// File is the path of a file that is served with status 200 to GET and HEAD, such as a stale copy.
	File string `yaml:"file" rule:"path"`
}

// Headers changes header fields: Remove first, then Set.
type Headers struct {
	// Set gives fields a value, instead of any that they have.
	Set map[string]string `yaml:"set"`
	// Remove takes fields away.
	Remove []string `yaml:"remove"`
}

// SecurityHeaders are set on every answer of the route that does not have them.
type SecurityHeaders struct {
	// HSTS is the max-age of Strict-Transport-Security, which includes all subdomains of the host; it is sent to
	// clients that came by TLS only (default 8760h; 0s = none).
	HSTS Duration `yaml:"hsts"`
	// ContentSecurityPolicy is the value of Content-Security-Policy (default: none).
	ContentSecurityPolicy string `yaml:"content_security_policy"`
	// FrameOptions is the value of X-Frame-Options: DENY or SAMEORIGIN; off = none (default SAMEORIGIN).
	FrameOptions string `yaml:"frame_options"`
	// ReferrerPolicy is the value of Referrer-Policy (default strict-origin-when-cross-origin).
	ReferrerPolicy string `yaml:"referrer_policy"`
	// PermissionsPolicy is the value of Permissions-Policy (default: none).
	PermissionsPolicy string `yaml:"permissions_policy"`
}

// Compress compresses answers that have no coding yet, for clients that take one.
type Compress struct {
	// Encodings in the order of preference: zstd, br, gzip (default [zstd, br, gzip]).
	Encodings []string `yaml:"encodings"`
	// Types are the media types; "text/*" is all of a kind (default: text, JSON, JavaScript, XML, SVG, wasm).
	Types []string `yaml:"types"`
	// MinSize is the least size of an answer; one of unknown size is compressed (default 1KiB).
	MinSize Size `yaml:"min_size"`
}

// Fault is a failure made on purpose. Every answer that it touched says so in Holdfast-Fault.
type Fault struct {
	// Share of the requests that are touched (default 1).
	Share Ratio `yaml:"share"`
	// Header limits it to requests that have these fields; "*" wants any value (default: all requests).
	Header map[string]string `yaml:"header"`
	// Delay is the time before a request goes on (default 0s).
	Delay Duration `yaml:"delay"`
	// Abort answers with this status instead (default 0: no).
	Abort int `yaml:"abort" rule:"min=0,max=599"`
	// Bandwidth is how many bytes of the answer's body a second go to the client (default 0B: no bound).
	Bandwidth Size `yaml:"bandwidth"`
}
