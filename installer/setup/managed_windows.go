package main

import (
	"context"

	"holdfast/internal/service"
)

// managed makes a controller of the service manager: it plans and carries out at once.
type managed struct{ m *service.Manager }

func (c managed) Record(ctx context.Context) (service.Record, error) { return c.m.Record(ctx) }
func (c managed) Query(ctx context.Context) (service.Status, error)  { return c.m.Query(ctx) }
func (c managed) Kill(ctx context.Context) error                     { return c.m.Kill(ctx) }

func (c managed) Begin(ctx context.Context, startID string) error { return c.m.Begin(ctx, startID) }

func (c managed) Check(ctx context.Context, r service.Registration) error {
	_, err := c.m.PlanInstall(ctx, r)
	return err
}

func (c managed) Install(ctx context.Context, r service.Registration, say func(string)) error {
	p, err := c.m.PlanInstall(ctx, r)
	return carryOut(ctx, p, err, say)
}

func (c managed) Restore(ctx context.Context, r service.Record, say func(string)) error {
	p, err := c.m.PlanRestore(ctx, r)
	for _, note := range p.Notes { // such as why a service is not registered again
		say(note)
	}
	return carryOut(ctx, p, err, say)
}

func (c managed) Disarm(ctx context.Context, say func(string)) error {
	p, err := c.m.PlanDisarm(ctx)
	return carryOut(ctx, p, err, say)
}

func (c managed) Forget(ctx context.Context, say func(string)) error {
	p, err := c.m.PlanForget(ctx)
	return carryOut(ctx, p, err, say)
}

func (c managed) Stop(ctx context.Context, say func(string)) error {
	p, err := c.m.Plan(ctx, service.Stop)
	return carryOut(ctx, p, err, say)
}

func carryOut(ctx context.Context, p service.Plan, err error, say func(string)) error {
	if err != nil {
		return err
	}
	return p.Run(ctx, say)
}
