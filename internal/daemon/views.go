package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/supervise"
)

// launcher hands process.Launcher to supervise, which knows children by what it needs of them.
type launcher struct{ *process.Launcher }

// Start implements supervise.Launcher.
func (l launcher) Start(spec process.Spec) (supervise.Child, error) {
	child, err := l.Launcher.Start(spec)
	if err != nil {
		return nil, err
	}
	return child, nil
}

// appLogs hands the supervisor's lines to the API, which knows a delivery by what it needs of it.
type appLogs struct{ *supervise.Supervisor }

// Follow implements api.Logs.
func (l appLogs) Follow(app, instance string, buffer int) (api.Follower, error) {
	f, err := l.Supervisor.Follow(app, instance, buffer)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// configView is what the API may do with the configuration.
type configView Daemon

// Snapshot implements api.Config.
func (v *configView) Snapshot() *config.Snapshot { return (*Daemon)(v).current().snapshot }

// Revision implements api.Config.
func (v *configView) Revision() int { return (*Daemon)(v).current().revision }

// LastReload implements api.Config.
func (v *configView) LastReload() api.Reload { return (*Daemon)(v).current().last }

// Check implements api.Config.
func (v *configView) Check(_ context.Context, data []byte) config.Problems {
	return config.Check("request", data, v.options.Config)
}

// Reload implements api.Config.
func (v *configView) Reload(ctx context.Context) (int, config.Problems) {
	return (*Daemon)(v).reload(ctx, "api")
}

// serviceView is what the API tells of, and does with, Holdfast itself.
type serviceView Daemon

// Name implements api.Service.
func (v *serviceView) Name() string { return v.options.Name }

// Version implements api.Service.
func (v *serviceView) Version() string { return v.options.Version }

// StartID implements api.Service.
func (v *serviceView) StartID() string { return v.startID }

// Ready implements api.Service.
func (v *serviceView) Ready() (bool, []string) {
	if (*Daemon)(v).current().ready {
		return true, nil
	}
	return false, []string{errNotServing.Error()}
}

// Paused implements api.Service.
func (v *serviceView) Paused() bool { return v.gateway.Paused() }

// Pause implements api.Service.
func (v *serviceView) Pause(ctx context.Context) error { return (*Daemon)(v).Pause(ctx) }

// Resume implements api.Service.
func (v *serviceView) Resume(ctx context.Context) error { return (*Daemon)(v).Resume(ctx) }

// Pause makes the gateway answer 503; the apps keep running.
func (d *Daemon) Pause(context.Context) error {
	return d.setPaused(true)
}

// Resume ends Pause.
func (d *Daemon) Resume(context.Context) error {
	return d.setPaused(false)
}

// setPaused does and tells it once, however often it is asked for.
func (d *Daemon) setPaused(paused bool) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	if !d.current().ready {
		return errNotServing
	}
	switch {
	case paused == d.gateway.Paused():
	case paused:
		d.gateway.Pause()
		d.bus.Publish(event.GatewayPaused{})
	default:
		d.gateway.Resume()
		d.bus.Publish(event.GatewayResumed{})
	}
	return nil
}

// Addresses are the bound addresses of the listeners, and of the management API as "management".
func (d *Daemon) Addresses() map[string]string {
	out := d.gateway.Addrs()
	if bound := d.current().bound; bound != nil {
		out["management"] = bound.String()
	}
	return out
}

// doors are the open listeners of the management API.
type doors struct {
	local, public net.Listener
}

// openDoors binds the pipe or socket and, unless it is off, the loopback address.
func (d *Daemon) openDoors(ctx context.Context, m config.Management) (doors, error) {
	local, err := api.Listen(ctx, d.options.Endpoint, d.options.Name, d.logs.Log)
	if err != nil {
		return doors{}, err
	}
	open := doors{local: local}
	if m.Address == config.ManagementOff {
		return open, nil
	}
	var lc net.ListenConfig
	open.public, err = lc.Listen(ctx, "tcp", m.Address)
	if err != nil {
		return doors{}, errors.Join(
			fmt.Errorf("management: address %s cannot be bound: %w; end what holds it or change management.address", m.Address, err),
			local.Close())
	}
	d.mu.Lock()
	d.state.bound = open.public.Addr()
	d.mu.Unlock()
	return open, nil
}

// close gives up doors that were opened for a start that failed.
func (o doors) close() error {
	err := o.local.Close()
	if o.public != nil {
		err = errors.Join(err, o.public.Close())
	}
	return err
}

// serve answers both doors until ctx ends.
func (o doors) serve(ctx context.Context, server *api.Server) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.ServeLocal(ctx, o.local) })
	if o.public != nil {
		group.Go(func() error { return server.ServePublic(ctx, o.public) })
	}
	return group.Wait()
}
