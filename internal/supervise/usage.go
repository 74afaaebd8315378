package supervise

import (
	"context"

	"holdfast/internal/status"
)

// Measure tells about an app whose usage was measured less than a second ago. The error is
// status.ErrNotFound.
func (s *Supervisor) Measure(_ context.Context, id string) (status.App, error) {
	return s.App(id)
}
