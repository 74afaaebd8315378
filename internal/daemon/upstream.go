package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/gateway"
	"holdfast/internal/health"
)

// ejectionEvent tells of a target that is out of a route's balancing, or back. Instance is in About for an
// app's only.
func ejectionEvent(e gateway.Ejection) event.Body {
	about := event.About{App: e.App}
	if e.App != "" {
		about.Instance = e.Instance
	}
	if !e.Out {
		return event.UpstreamReturned{About: about, Route: e.Route, Target: e.Instance}
	}
	return event.UpstreamEjected{About: about, Route: e.Route, Target: e.Instance, Failures: e.Failures, For: event.Seconds(e.For)}
}

// checkServer hands the gateway's checks to the prober.
func checkServer(p *health.Prober) func(context.Context, gateway.ServerCheck, func(error)) {
	return func(ctx context.Context, c gateway.ServerCheck, report func(error)) {
		p.Server(ctx, health.Server{Probe: c.Probe, Host: c.Host, Address: c.Address, TLS: c.TLS, Healthy: c.Healthy}, report)
	}
}

// signingKey is the key of sticky cookies, which is made when it is first needed and kept in the data
// folder: clients find their instances again after a restart.
func signingKey(dataDir string) func() ([]byte, error) {
	path := filepath.Join(dataDir, "state", "sticky.key")
	return func() ([]byte, error) {
		key, err := config.ReadBounded(path, gateway.StickyKeySize+1)
		switch {
		case err == nil && len(key) == gateway.StickyKeySize:
			return key, nil
		case err == nil:
			return nil, fmt.Errorf("%s has not %d bytes; remove it, and clients get new cookies", path, gateway.StickyKeySize)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		key = make([]byte, gateway.StickyKeySize)
		_, _ = rand.Read(key) // ends the process when the system has no random bytes
		return key, certs.WritePrivate(path, key)
	}
}
