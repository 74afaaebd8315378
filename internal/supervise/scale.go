package supervise

import (
	"context"
	"fmt"

	"holdfast/internal/status"
)

// Scale makes n instances of an app the wanted number, a negative n the configured one. It returns
// once that is kept for the next start and taken over; it does not wait for instances. The error is
// status.ErrNotFound, or status.ErrConflict when the configuration leaves no room for n.
func (s *Supervisor) Scale(_ context.Context, id string, n int) error {
	if _, err := s.app(id); err != nil {
		return err
	}
	return fmt.Errorf("app %q: scale to %d: %w: not built yet", id, n, status.ErrConflict)
}
