package supervise

import (
	"context"
	"fmt"
	"time"

	"holdfast/internal/status"
)

// Maintain begins or ends the maintenance of an app: its requests are answered 503, and nothing of it
// is restarted. It ends by itself after d, 0 being never; note says what it is for. It returns once
// that is kept for the next start and taken over. The error is status.ErrNotFound, or
// status.ErrConflict.
func (s *Supervisor) Maintain(_ context.Context, id string, on bool, note string, d time.Duration) error {
	if _, err := s.app(id); err != nil {
		return err
	}
	return fmt.Errorf("app %q: maintenance %t %q %v: %w: not built yet", id, on, note, d, status.ErrConflict)
}
