package service

// Exit codes of the binary, as CLI and as service. They are public and never renumbered; ExitCodes
// explains them. The SCM shows a service's failure as 1066 and the code as the service-specific one.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitConfig      = 3
	ExitDenied      = 4
	ExitUnreachable = 5

	ExitEnded        = 10
	ExitStartTimeout = 11
	ExitStopTimeout  = 12
	ExitListen       = 13
	ExitRunning      = 14
	ExitData         = 15
	ExitForced       = 130
)
