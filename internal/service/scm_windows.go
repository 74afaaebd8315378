package service

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// host offers this process to the SCM and is the console when no SCM started it. Asking is the only
// sure test: svc.IsWindowsService is wrong outside session 0, in containers and under Wine.
func host(ctx context.Context, o Options) ending {
	var e ending
	err := svc.Run(o.Identity.ServiceName(), execute(func(args []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
		o.startID = startID(args)
		e = hostSCM(ctx, o, requests, status)
		return scmExit(e)
	}))
	switch {
	case errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT):
		return hostConsole(ctx, o, &console{name: o.Identity.Name, out: o.Console})
	case err != nil:
		return ending{code: ExitFailed, err: err}
	}
	return e
}

// execute is a service's whole life as a svc.Handler.
type execute func(args []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, code uint32)

// Execute is called by package svc once the SCM has connected. x/sys reports Stopped with what it
// returns.
func (e execute) Execute(args []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, code uint32) {
	return e(args, requests, status)
}

// hostSCM serves the SCM's requests and writes the first and the last word into the Event Log.
func hostSCM(ctx context.Context, o Options, requests <-chan svc.ChangeRequest, status chan<- svc.Status) ending {
	m := scm(status)
	e := serve(ctx, o, m, requests, func(r svc.ChangeRequest) control { return scmControl(uint32(r.Cmd)) })
	if e.err != nil {
		o.Log.Errorw("service failed", "error", e.err, "exit_code", e.code, "cure", cure(e.code))
	}
	// The log may be slow or gone at a shutdown: it comes last, and only as long as the SCM was promised.
	if err := writeEnding(o.Identity, e); err != nil {
		o.Log.Warnw("Event Log entry not written", "error", err)
	}
	return e
}

// scm is the manager that started us as a service. x/sys always reads this channel until Execute
// returns.
type scm chan<- svc.Status

func (scm) every() time.Duration { return scmEvery }

func (m scm) report(r report) {
	if r.again && !r.state.pending() {
		return
	}
	s := scmReport(r)
	m <- svc.Status{State: svc.State(s.state), Accepts: svc.Accepted(s.accepts), CheckPoint: s.checkpoint, WaitHint: s.waitHint}
}
