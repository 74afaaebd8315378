package daemon

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// TestStageHasTheGraceOfItsStop has a reload give a stage more time than it had at its start.
func TestStageHasTheGraceOfItsStop(t *testing.T) {
	for _, tt := range []struct {
		name  string
		needs time.Duration
		want  string
	}{
		{"within it", 9 * time.Second, ""},
		{"longer", 11 * time.Second, "apps did not stop within 10s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, grace := newRunner(zap.NewNop()), time.Second
				r.startFor("apps", func() time.Duration { return grace }, func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(tt.needs) // of the bubble's clock
					return nil
				})
				grace = 10 * time.Second
				err := r.stop()
				<-r.stages[0].done
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("err = %v, want %q", err, tt.want)
				}
			})
		})
	}
}
