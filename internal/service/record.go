package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Record is a service as it is at one moment, as data that can be kept in a file: what the service
// manager knows about it and whether it runs. Only the SCM's services can be recorded.
type Record struct {
	// Installed is false when there was no such service; everything else is empty then.
	Installed bool `json:"installed"`
	// State is one of Status.State.
	State string `json:"state,omitempty"`
	// Source is true when our event source was registered, with or without a service.
	Source bool `json:"source"`

	scmService
}

// keeper is a registrar whose services can be recorded.
type keeper interface {
	record(id Identity) (Record, error)
	restore(id Identity, r Record) (Plan, error)
	disarm(id Identity) (Plan, error)
	forget(id Identity) (Plan, error)
	begin(ctx context.Context, id Identity, startID string) error
	kill(ctx context.Context, id Identity) error
}

func (m *Manager) keeper() (keeper, error) {
	if r, ok := m.manager.(keeper); ok {
		return r, nil
	}
	return nil, fmt.Errorf("%w: records of services are the Windows service manager's", ErrUnsupported)
}

// Record tells how the service is now. Errors: ErrForeign when the name is another program's.
func (m *Manager) Record(context.Context) (Record, error) {
	r, err := m.keeper()
	if err != nil {
		return Record{}, err
	}
	return r.record(m.id)
}

// PlanForget plans to remove the event source, after somebody else has removed the service.
func (m *Manager) PlanForget(context.Context) (Plan, error) {
	r, err := m.keeper()
	if err != nil {
		return Plan{}, err
	}
	return r.forget(m.id)
}

// PlanRestore plans to make the service again what r says, down to its state: one that was not
// installed is removed, one that ran is started. A service that is missing is registered again only
// while its program exists.
func (m *Manager) PlanRestore(_ context.Context, r Record) (Plan, error) {
	rec, err := m.keeper()
	if err != nil {
		return Plan{}, err
	}
	return rec.restore(m.id, r)
}

// PlanDisarm plans to keep the service manager from starting the service by itself, at boot or after
// a failure. PlanInstall and PlanRestore arm it again. A service that is not installed is no error.
func (m *Manager) PlanDisarm(context.Context) (Plan, error) {
	r, err := m.keeper()
	if err != nil {
		return Plan{}, err
	}
	return r.disarm(m.id)
}

// Begin asks the service manager to start the service, as startID (StartArgument), and returns
// without waiting for what comes of it.
func (m *Manager) Begin(ctx context.Context, startID string) error {
	r, err := m.keeper()
	if err != nil {
		return err
	}
	return r.begin(ctx, m.id, startID)
}

// Kill ends the process of a service that does not stop when it is asked, and waits until it has
// ended. What it supervised ends with it.
func (m *Manager) Kill(ctx context.Context) error {
	r, err := m.keeper()
	if err != nil {
		return err
	}
	return r.kill(ctx, m.id)
}

func (g scmRegistrar) record(id Identity) (Record, error) {
	r, _, err := g.look(id)
	return r, err
}

func (g scmRegistrar) look(id Identity) (Record, Status, error) {
	name := id.ServiceName()
	src, err := g.machine.source(id.EventSource())
	if err != nil {
		return Record{}, Status{}, fmt.Errorf("event source %s: %w", id.EventSource(), err)
	}
	have, installed, err := g.machine.service(name)
	if err != nil || !installed {
		return Record{Source: src == sourceOurs}, Status{}, wrap(name, err)
	}
	if !isOurs(id, have.Command) {
		return Record{}, Status{}, foreign(name, have.Command)
	}
	st, err := g.machine.status(name)
	if err != nil {
		return Record{}, Status{}, wrap(name, err)
	}
	return Record{Installed: true, State: st.State, Source: src == sourceOurs, scmService: have}, st, nil
}

func wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("service %s: %w", name, err)
}

func (g scmRegistrar) restore(id Identity, r Record) (Plan, error) {
	var p Plan
	name := id.ServiceName()
	have, st, err := g.look(id)
	if err != nil {
		return Plan{}, err
	}
	if r.Source && !have.Source {
		if err := g.planSource(&p, id); err != nil {
			return Plan{}, err
		}
	}
	if !r.Source && have.Source {
		g.planForget(&p, id)
	}
	switch {
	case !r.Installed && !have.Installed:
		p.same("service %s is not installed", name)
		return p, nil
	case !r.Installed:
		g.planRemove(&p, id, st)
		return p, nil
	case !have.Installed:
		program, _ := splitCommand(r.Command)
		exists, err := g.machine.fileExists(program)
		if err != nil {
			return Plan{}, fmt.Errorf("program %s of service %s: %w", program, name, err)
		}
		if !exists {
			p.note("service %s is not registered again: its program %s is gone", name, program)
			return p, nil
		}
		st.State = "stopped"
		g.planCreate(&p, name, r.scmService, keptFields(r.Unknown))
	default:
		g.planChanges(&p, name, have.scmService, r.scmService, keptFields(r.Unknown))
	}
	return p, g.planState(&p, id, st, r)
}

func (g scmRegistrar) planForget(p *Plan, id Identity) {
	name := id.EventSource()
	p.add("remove event source "+name, func(context.Context) error { return g.machine.removeSource(name) })
}

func (g scmRegistrar) forget(id Identity) (Plan, error) {
	var p Plan
	src, err := g.machine.source(id.EventSource())
	switch {
	case err != nil:
		return Plan{}, fmt.Errorf("event source %s: %w", id.EventSource(), err)
	case src == sourceOurs:
		g.planForget(&p, id)
	default:
		p.same("event source %s is not registered", id.EventSource())
	}
	return p, nil
}

// keptFields are those that the system has told when the record was made.
func keptFields(unknown []string) []scmField {
	return slices.DeleteFunc(allFields(), func(f scmField) bool { return slices.Contains(unknown, f.name) })
}

// planState plans the way from the state st to that of r.
func (g scmRegistrar) planState(p *Plan, id Identity, st Status, r Record) error {
	switch r.State {
	case "running", "start_pending", "continue_pending", "paused", "pause_pending":
	default:
		if st.State != "stopped" {
			g.planStop(p, id, st)
		}
		return nil
	}
	if r.Start == startDisabled {
		p.note("service %s is disabled and stays as it is", id.ServiceName())
		return nil
	}
	if st.State != "running" && st.State != "paused" {
		g.planStart(p, id, st)
	}
	if strings.HasPrefix(r.State, "pause") && st.State != "paused" {
		return g.planControl(p, id, Status{State: "running"}, controlPause, "pause", "running", "paused", "pause_pending")
	}
	return nil
}

// disarm needs no step for what is off already, so that it can be planned again and again.
func (g scmRegistrar) disarm(id Identity) (Plan, error) {
	var p Plan
	have, err := g.record(id)
	if err != nil {
		return Plan{}, err
	}
	if !have.Installed {
		p.same("service %s is not installed", id.ServiceName())
		return p, nil
	}
	want := have.scmService
	want.Start, want.Recovery, want.RebootMessage, want.RecoveryCommand, want.OnFailure = startDisabled, nil, "", "", false
	g.planChanges(&p, id.ServiceName(), have.scmService, want, scmFields())
	return p, nil
}

func (g scmRegistrar) begin(ctx context.Context, id Identity, startID string) error {
	if _, err := g.record(id); err != nil {
		return err
	}
	return wrap(id.ServiceName(), g.launch(ctx, id.ServiceName(), StartArgument(startID)))
}

func (g scmRegistrar) kill(ctx context.Context, id Identity) error {
	have, st, err := g.look(id)
	if err != nil || !have.Installed {
		return err
	}
	if err := g.machine.kill(id.ServiceName()); err != nil {
		return fmt.Errorf("service %s: end its process: %w", id.ServiceName(), err)
	}
	return g.machine.exited(ctx, st.PID)
}
