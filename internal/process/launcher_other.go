//go:build !linux && !windows

package process

import (
	"context"
	"errors"
	"time"

	"holdfast/internal/status"
)

type (
	launcherSystem struct{}
	system         struct{}
)

var errSystem = errors.New("holdfast supervises programs on Linux and Windows only")

func (l *Launcher) prepare() {}

// Run waits for the end of ctx.
func (l *Launcher) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Start is not possible on this system.
func (l *Launcher) Start(s Spec) (*Child, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return nil, &StartError{Kind: StartOther, ID: s.ID, Text: errSystem.Error(), Err: errSystem}
}

// Enforces says that nothing is.
func (l *Launcher) Enforces() (memory, cpu bool, why string) { return false, false, errSystem.Error() }

// ReapLeftovers finds nothing on this system.
func (l *Launcher) ReapLeftovers() (int, error) { return 0, nil }

func (c *Child) measure(time.Time) (status.Usage, error) { return status.Usage{}, errSystem }

// Signal is not possible on this system.
func (c *Child) Signal(Stop) error { return errSystem }

// Kill is not possible on this system.
func (c *Child) Kill() int { return 0 }

// Close does nothing on this system.
func (c *Child) Close() error { return nil }
