package service

import "context"

// Run hosts o.Program and returns the exit code of the process.
func Run(ctx context.Context, o Options) int {
	if err := o.Program.Run(ctx, nothing{}); err != nil {
		return ExitFailed
	}
	return ExitOK
}

type nothing struct{}

func (nothing) Progress(string) {}
func (nothing) Ready()          {}
