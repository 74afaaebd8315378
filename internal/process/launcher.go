package process

import (
	"go.uber.org/zap"
)

// Launcher starts processes, each with its whole tree under control. It works while Run does.
type Launcher struct {
	owner  string
	helper []string
	log    *zap.Logger
	launcherSystem
}

// NewLauncher makes a Launcher; nothing is started before Run.
func NewLauncher(o LauncherOptions) *Launcher {
	l := &Launcher{owner: o.Owner, helper: o.Helper, log: o.Log}
	if l.log == nil {
		l.log = zap.NewNop()
	}
	l.prepare()
	return l
}
