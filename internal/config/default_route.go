package config

// DefaultRoute is what a route is without its match and without what serves it.
func DefaultRoute() Route {
	return Route{
		Balance: RoundRobin, BalanceKey: KeyClientIP, Transport: Transport{Protocol: ProtocolHTTP1},
		Timeout: 30 * second, Parking: Parking{MaxRequests: 256, Timeout: 10 * second},
	}
}

// DefaultFileServer is what a file server is without its root.
func DefaultFileServer() FileServer {
	return FileServer{Index: []string{"index.html"}, CacheControl: "no-cache", TryFiles: []string{"${path}"}, Precompressed: true}
}

// DefaultRedirect is what a redirect is without its target.
func DefaultRedirect() Redirect { return Redirect{Status: 308} }

// DefaultRespond is the empty fixed response.
func DefaultRespond() Respond {
	return Respond{Status: 200, Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8"}}
}

// DefaultSticky is a sticky section without any key.
func DefaultSticky() Sticky { return Sticky{Cookie: "holdfast_instance"} }

// DefaultOutlier is an outlier section without any key.
func DefaultOutlier() Outlier {
	return Outlier{ConsecutiveFailures: 5, EjectFor: 30 * second, MaxEjected: 0.5}
}

// DefaultClientCertificate is a client_certificate section without any key.
func DefaultClientCertificate() ClientCertificate {
	return ClientCertificate{Mode: CertificateRequire}
}

// DefaultJWT is what a jwt section is without its issuer, audience and keys.
func DefaultJWT() JWT {
	return JWT{
		RefreshEvery: 15 * minute, MaxLifetime: 15 * minute, Leeway: 30 * second,
		Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"},
	}
}

// DefaultAPIKeys is what an api_keys section is without its keys.
func DefaultAPIKeys() APIKeys { return APIKeys{Header: "X-Api-Key"} }

// DefaultCORS is what a cors section is without its origins.
func DefaultCORS() CORS {
	return CORS{Methods: []string{"GET", "HEAD", "POST"}, MaxAge: 10 * minute}
}

// DefaultFlow is a rule without its bounds.
func DefaultFlow() Flow {
	return Flow{Control: FlowReject, MaxWait: second / 2, WarmUp: 10 * second, MaxKeys: 10000}
}

// defaultErrorCount is the threshold of a breaker that counts errors.
const defaultErrorCount = Number(50)

// DefaultCircuitBreaker is a rule without any key.
func DefaultCircuitBreaker() CircuitBreaker {
	return CircuitBreaker{
		Strategy: ErrorRatio, Threshold: 0.5, Window: 10 * second, MinRequests: 20, OpenFor: 30 * second,
		HalfOpenRequests: 1, Statuses: []string{"5xx"},
	}
}

// DefaultRetry is a retry section without any key.
func DefaultRetry() Retry {
	return Retry{Attempts: 2, On: OneOrMany{"connect_failure", "reset"}, Backoff: second / 40, MaxBackoff: second, Budget: 0.2}
}

// DefaultFallback is what a fallback is without its answer.
func DefaultFallback() Fallback {
	return Fallback{On: OneOrMany{"breaker_open", "not_ready", "upstream_failed", "timeout"}}
}

// DefaultSecurityHeaders is a security_headers section without any key.
func DefaultSecurityHeaders() SecurityHeaders {
	return SecurityHeaders{HSTS: 8760 * 60 * minute, FrameOptions: "SAMEORIGIN", ReferrerPolicy: "strict-origin-when-cross-origin"}
}

// DefaultCompress is a compress section without any key.
func DefaultCompress() Compress {
	return Compress{
		Encodings: []string{"zstd", "br", "gzip"}, MinSize: 1 << 10,
		Types: []string{"text/*", "application/json", "application/*+json", "application/javascript", "application/xml", "application/*+xml", "application/wasm", "image/svg+xml"},
	}
}

// DefaultFault is a fault section without any key.
func DefaultFault() Fault { return Fault{Share: 1} }

// routeSections are the sections of a route that have defaults once they are there.
func routeSections() map[string]any {
	return map[string]any{
		"file_server": DefaultFileServer(), "redirect": DefaultRedirect(), "sticky": DefaultSticky(), "outlier": DefaultOutlier(),
		"client_certificate": DefaultClientCertificate(), "jwt": DefaultJWT(), "api_keys": DefaultAPIKeys(), "cors": DefaultCORS(),
		"retry": DefaultRetry(), "fallback": DefaultFallback(), "security_headers": DefaultSecurityHeaders(),
		"compress": DefaultCompress(), "fault": DefaultFault(),
	}
}

// DefaultWindowsStore is a windows_store section without any key.
func DefaultWindowsStore() WindowsStore { return WindowsStore{Location: LocalMachine, Store: "My"} }

// DefaultSelfSigned is a self_signed section without any key.
func DefaultSelfSigned() SelfSigned {
	return SelfSigned{Names: []string{"localhost", "127.0.0.1", "::1"}}
}

// DefaultACME is an acme section without its names.
func DefaultACME() ACME {
	return ACME{Directory: "https://acme-v02.api.letsencrypt.org/directory", Challenge: ChallengeTLSALPN}
}

// DefaultInternalCA is an internal_ca section without its names.
func DefaultInternalCA() InternalCA { return InternalCA{Lifetime: 24 * 60 * minute} }

// certificateSections are the sections of a certificate that have defaults once they are there.
func certificateSections() map[string]any {
	return map[string]any{
		"windows_store": DefaultWindowsStore(), "self_signed": DefaultSelfSigned(), "acme": DefaultACME(), "internal_ca": DefaultInternalCA(),
	}
}
