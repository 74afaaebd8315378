package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"holdfast/internal/service"
)

// exitFailed is what Windows Installer itself calls a fatal error (ERROR_INSTALL_FAILURE).
const exitFailed = 1603

func main() { os.Exit(run(os.Args[1:], newMachine)) }

// verb is one action of the package.
type verb struct {
	name, action string
	// limit is how long it may take, whatever happens.
	limit time.Duration
	// undoes: it belongs to a rollback or to a transaction that is done, and fails nothing any more.
	undoes bool
	// quiet: it writes nothing, not even a log.
	quiet bool
	do    func(*setup, context.Context) error
}

// startSlack is how much longer than the health time-out a start may take: the stop before it, and the
// service manager's own 30 s.
const startSlack = stopLimit + 60*time.Second

func verbs() []verb {
	return []verb{
		{name: "guard", action: "HfGuard", limit: time.Minute, quiet: true, do: (*setup).guard},
		{name: "snapshot", action: "HfSnapshot", limit: time.Minute, do: (*setup).snapshot},
		{name: "snapshot-rollback", action: "HfSnapshotRollback", limit: 4 * time.Minute, undoes: true, do: (*setup).snapshotRollback},
		{name: "stop", action: "HfStop", limit: stopLimit + time.Minute, do: (*setup).stop},
		{name: "remove", action: "HfRemove", limit: 2 * time.Minute, do: (*setup).remove},
		{name: "remove-rollback", action: "HfRemoveRollback", limit: 2 * time.Minute, undoes: true, do: (*setup).undo},
		{name: "apply", action: "HfApply", limit: 3 * time.Minute, do: (*setup).apply},
		{name: "apply-rollback", action: "HfApplyRollback", limit: 2 * time.Minute, undoes: true, do: (*setup).undo},
		{name: "start", action: "HfStart", limit: maxTimeout + startSlack, do: (*setup).start},
		{name: "start-rollback", action: "HfStartRollback", limit: stopLimit + time.Minute, undoes: true, do: (*setup).startRollback},
		{name: "fail", action: "HfFail", limit: time.Minute, do: (*setup).fail},
		{name: "commit", action: "HfCommit", limit: 2 * time.Minute, undoes: true, do: (*setup).commit},
	}
}

func findVerb(name string) (verb, error) {
	var names []string
	for _, v := range verbs() {
		if v.name == name {
			return v, nil
		}
		names = append(names, v.name)
	}
	return verb{}, fmt.Errorf("no action %q; there are: %s", name, strings.Join(names, ", "))
}

// setup is one verb at work.
type setup struct {
	machine
	verb verb
	request
	log *journal
	// pins hold the folders that were looked at in their place, so that what was seen stays true.
	pins []func()
}

// run is the whole program: it returns its exit code.
func run(args []string, build func(service.Identity) (machine, error)) int {
	name, given, malformed := parseArguments(args)
	v, err := findVerb(name)
	malformed = errors.Join(err, malformed)
	r, problems := newRequest(given)
	m, err := build(r.id)
	if err != nil {
		return exitFailed // there is nobody to tell it to
	}
	s := &setup{machine: m, verb: v, request: r, log: &journal{verb: v.name, version: r.productVersion, now: m.now, disk: m.disk}}
	if malformed == nil {
		malformed = s.bounded(problems)
	}
	if err := malformed; err != nil {
		s.failed(err)
		if !v.undoes {
			return exitFailed
		}
	}
	return 0
}

// overdue is how long after its limit a verb is given up: a call of the system may hang and hear nothing.
const overdue = 30 * time.Second

// bounded carries the verb out and ends in time, whatever hangs.
func (s *setup) bounded(problems []error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.verb.limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.carryOut(ctx, problems) }()
	late := time.NewTimer(s.verb.limit + overdue)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C: // the process ends, and what hangs with it
		return fmt.Errorf("it has not ended after %v; restart the machine and run it again", s.verb.limit+overdue)
	}
}

// carryOut does the verb's work. Removing and undoing go on with values that are wrong, as long as it
// is known what is to be removed.
func (s *setup) carryOut(ctx context.Context, problems []error) (err error) {
	defer func() {
		if p := recover(); p != nil { // nobody would see the stack: there is no console
			err = fmt.Errorf("setup itself failed: %v\n%s", p, debug.Stack())
		}
		s.unpin()
	}()
	if !s.verb.quiet {
		s.findLog()
	}
	if len(problems) > 0 {
		if s.id.Name == "" || s.kind == kindInstall && !s.verb.undoes {
			return joined(problems)
		}
		s.log.warn("values that are wrong are not needed", "problems", joined(problems).Error())
	}
	begun := s.now()
	err = s.verb.do(s, ctx)
	s.log.info("done", "took_ms", s.now().Sub(begun).Milliseconds(), "error", textOf(err))
	if err == nil && !s.verb.undoes && failsAt(s.given, s.verb) {
		return fmt.Errorf("%s was told to fail (HF_FAILAT)", s.verb.action)
	}
	return err
}

// failed tells why, where an administrator looks.
func (s *setup) failed(err error) {
	text := fmt.Sprintf("%s %s: %s failed: %v", s.displayName(), s.productVersion, s.verb.action, err)
	level, id := service.LevelError, uint32(service.EventSetupFailed)
	if s.verb.undoes {
		level, id = service.LevelWarning, service.EventSetupWarning
	}
	s.log.problem("failed", "error", err.Error())
	s.tell(level, id, text)
}

// tell writes an Event Log entry. That there is none is no reason to stop.
func (s *setup) tell(level service.Level, id uint32, text string) {
	if err := s.events(level, id, text); err != nil {
		s.log.warn("the Event Log was not written", "error", err.Error())
	}
}

// warn is for what is worth a person's attention and yet no failure.
func (s *setup) warn(text string) {
	s.log.warn(text)
	s.tell(service.LevelWarning, service.EventSetupWarning, s.displayName()+" "+s.productVersion+": "+text)
}

// joined are errors as one, each on a line of its own.
func joined(errs []error) error {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return fmt.Errorf("%s", strings.Join(texts, "\n"))
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// fail does nothing of its own: with --fail-at fail it is where an installation fails.
func (s *setup) fail(context.Context) error { return nil }
