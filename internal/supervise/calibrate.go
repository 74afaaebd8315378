package supervise

import (
	"context"
	"fmt"
	"time"

	"holdfast/internal/status"
)

// Calibrate tries one stop method after the other, each on a throwaway instance that became ready, and
// reports each trial. grace is how long each may take to end (0: the app's own stop.grace). The app
// itself is not touched. The error is status.ErrNotFound, status.ErrConflict while another calibration
// of the app runs, or that of ctx.
func (s *Supervisor) Calibrate(_ context.Context, id string, grace time.Duration, _ func(status.StopTrial)) error {
	if _, err := s.app(id); err != nil {
		return err
	}
	return fmt.Errorf("app %q: calibrate %v: %w: not built yet", id, grace, status.ErrConflict)
}
