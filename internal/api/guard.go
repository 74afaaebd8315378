package api

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/zap"
)

// maxBody bounds a request's body; a configuration is the largest that anybody sends.
const maxBody = 1 << 20

// handler puts the guard in front of the router: whatever reaches an operation came in through a
// known door, is meant for us, was not sent by a foreign web page and is bounded.
func (s *Server) handler(d door) http.Handler {
	h := s.bounded(s.router)
	if d == publicDoor {
		h = s.readOnly(h)
	}
	h = s.sameOrigin(h)
	if d == publicDoor {
		h = s.knownHost(h)
	}
	return s.observed(d, h)
}

// observed gives the request its id and door, the answer its security headers and the log its line.
func (s *Server) observed(d door, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{id: requestID(r), door: d}
		header := w.Header()
		header.Set("X-Request-Id", c.id)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cache-Control", "no-store")

		start := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))

		level := zap.DebugLevel
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			level = zap.InfoLevel
		}
		s.opts.Log.Log(level, "management call",
			zap.String("request_id", c.id),
			zap.Stringer("door", d),
			zap.String("method", r.Method),
			zap.String("path", r.URL.Path),
			zap.Int("status", ww.Status()),
			zap.Int("bytes", ww.BytesWritten()),
			zap.Duration("duration", time.Since(start)),
		)
	})
}

// requestID keeps the caller's id when it can do no harm in a log.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	harmless := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c)
	}
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return !harmless(c) }) {
		return rand.Text()
	}
	return id
}

// knownHost refuses names that are not ours: a web page that rebinds its own name to the loopback
// address comes with that name.
func (s *Server) knownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isKnownHost(r.Host, s.opts.Config.Snapshot().Config.Management.AllowedHosts) {
			s.serveProblem(w, r, problem(http.StatusMisdirectedRequest, CodeMisdirected,
				"%.100q is not a name of this management API: use localhost or a loopback address, or add the name to management.allowed_hosts", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isKnownHost compares names without their port. An address cannot be rebound, so every loopback
// one will do.
func isKnownHost(hostport string, allowed []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	return strings.EqualFold(host, "localhost") ||
		host != "" && slices.ContainsFunc(allowed, func(name string) bool { return strings.EqualFold(name, host) })
}

// sameOrigin refuses what a browser sends for a page of another origin. There is no CORS, so such a
// page could not read an answer, but it shall not even get one.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	refuse := func(w http.ResponseWriter, r *http.Request) {
		s.serveProblem(w, r, problem(http.StatusForbidden, CodeCrossOrigin,
			"requests that a page of another origin makes are refused"))
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(refuse))
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// CrossOriginProtection lets every GET pass; here reading is refused, too, but for a link
		// that a person follows.
		foreign := r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
		if origin := r.Header.Get("Origin"); origin != "" {
			u, err := url.Parse(origin)
			foreign = foreign || err != nil || u.Host != r.Host
		}
		if foreign {
			refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// readOnly refuses every method that could change something before it is even routed. The roles of
// the operations would refuse it, too.
func (s *Server) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.serveProblem(w, r, forbidden(operator))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded refuses what is too large or ambiguous to be read.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := queryProblem(r.URL.RawQuery); p != nil {
			s.serveProblem(w, r, p)
			return
		}
		if r.ContentLength > maxBody {
			// The connection is not worth keeping: its next bytes are the body.
			w.Header().Set("Connection", "close")
			s.serveProblem(w, r, problem(http.StatusRequestEntityTooLarge, CodeTooLarge,
				"the body has %d bytes; at most %d are taken", r.ContentLength, maxBody))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// queryProblem refuses what two readers could understand differently.
func queryProblem(raw string) *Problem {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return problem(http.StatusBadRequest, CodeInvalid, "the query string cannot be read: %v", err)
	}
	var faults []Fault
	for name, values := range query {
		if len(values) > 1 {
			faults = append(faults, Fault{Detail: "given more than once", Pointer: "/query/" + name})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Pointer, b.Pointer) })
	p := problem(http.StatusUnprocessableEntity, CodeInvalid, "the request is not valid")
	p.Errors = faults
	return p
}
