//go:build !linux

package process

// Leftovers are none: the system ends a job's processes with the job.
func (l *Launcher) Leftovers() ([]int, error) { return nil, nil }
