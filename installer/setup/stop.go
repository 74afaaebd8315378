package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/internal/service"
)

const (
	// stopLimit is how long a stop may take before the process is ended: the service itself gives up
	// after 115 s.
	stopLimit = 130 * time.Second
	// stopAgain is the pause before a service that would not listen is asked again.
	stopAgain = 500 * time.Millisecond
)

// stop waits until the service and its process are gone, so that files can be replaced. Nobody starts
// it again until it is armed.
func (s *setup) stop(ctx context.Context) error {
	record, err := s.service.Record(ctx)
	switch {
	case errors.Is(err, service.ErrForeign):
		s.log.warn("another program's service is not stopped", "error", err.Error())
		return nil
	case err != nil:
		return err
	case !record.Installed:
		s.log.info("no service is installed")
		return nil
	}
	if t, _, err := s.load(); err != nil || t != nil { // else nobody could arm it again
		if err := errors.Join(err, s.service.Disarm(ctx, s.log.say)); err != nil {
			return err
		}
	}
	return s.halt(ctx)
}

// halt stops the service, by force when it must be.
func (s *setup) halt(ctx context.Context) error {
	asked, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	var err error
	for {
		if err = s.service.Stop(asked, s.log.say); err == nil || errors.Is(err, service.ErrNotInstalled) {
			return nil
		}
		s.log.warn("the service does not stop yet", "error", err.Error())
		if rest(asked, stopAgain) != nil {
			break
		}
	}
	s.warn(fmt.Sprintf("the service did not stop within %v (%v); its process is ended", stopLimit, err))
	if killed := s.service.Kill(ctx); killed != nil {
		return fmt.Errorf("the service does not stop (%w), and its process cannot be ended: %w; end it, or restart the machine, and run this again", err, killed)
	}
	return nil
}

// rest is a pause that the end of ctx cuts short.
func rest(ctx context.Context, pause time.Duration) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// startRollback stops what start has started; the rollbacks that follow make it what it was.
func (s *setup) startRollback(ctx context.Context) error {
	record, err := s.service.Record(ctx)
	if err != nil || !record.Installed {
		return err
	}
	return errors.Join(s.service.Disarm(ctx, s.log.say), s.halt(ctx))
}
