package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"holdfast/internal/service"
)

const (
	// gatePace is the pause between two questions.
	gatePace = 100 * time.Millisecond
	// askTimeout is for one question.
	askTimeout = 3 * time.Second
	// tailMax is how much of the service's log a failure quotes.
	tailMax, tailLines = 16 << 10, 15
)

// start starts the service and waits until this start of this version says that it serves. Everything
// else is a failure, and Windows Installer takes the whole installation back.
func (s *setup) start(ctx context.Context) error {
	record, err := s.service.Record(ctx)
	if err != nil {
		return err
	}
	if !record.Installed {
		return errors.New("the service is not installed; run the package, not this action alone")
	}
	if record.State != "stopped" {
		if err := s.halt(ctx); err != nil {
			return err
		}
	}
	startID := s.random(16)
	s.log.info("start the service", "start_id", startID, "timeout", s.timeout.String())
	begun := s.now()
	if err := s.service.Begin(ctx, startID); err != nil {
		return s.because(ctx, err)
	}
	if err := s.gate(ctx, startID); err != nil {
		return s.because(ctx, err)
	}
	s.log.info("the service serves", "after_ms", s.now().Sub(begun).Milliseconds())
	return nil
}

// gate asks until the answer is the wanted one, or can no longer become it.
func (s *setup) gate(ctx context.Context, startID string) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	waiting := errors.New("it has not answered")
	for {
		verdict, err := s.ask(limited, startID)
		switch verdict {
		case serves:
			return nil
		case fails:
			return err
		case notYet:
			if limited.Err() == nil { // else it only says that the time is up
				waiting = err
			}
		}
		if rest(limited, gatePace) != nil {
			return fmt.Errorf("the service is not ready after %v (HF_HEALTHTIMEOUT): %w", s.timeout, waiting)
		}
	}
}

// verdict is what one look at the service says.
type verdict int

const (
	notYet verdict = iota
	serves
	fails
)

// ask looks once. The process that the service manager has started must be the one that serves the
// pipe: nobody else's answer counts.
func (s *setup) ask(ctx context.Context, startID string) (verdict, error) {
	st, err := s.service.Query(ctx)
	switch {
	case err != nil:
		return fails, err
	case st.State == "stopped" || st.State == "stop_pending":
		return fails, errors.New("the service ended")
	case st.PID == 0:
		return notYet, errors.New("the service has no process yet")
	}
	answer, pid, err := s.readyz(ctx)
	switch {
	case err != nil:
		return notYet, err
	case pid != st.PID:
		return notYet, fmt.Errorf("process %d answers on %s, and not the service's process %d; end it", pid, s.id.Endpoint(), st.PID)
	case answer.Version != s.version:
		return fails, fmt.Errorf("the service is version %q, and not %q; another program is registered under its name", answer.Version, s.version)
	case answer.StartID != startID:
		return fails, errors.New("the service has been started again by somebody else, perhaps by its recovery after a failure")
	case !answer.Ready:
		return notYet, fmt.Errorf("it answers that it is not ready: %s", strings.Join(answer.Reasons, "; "))
	case st.State != "running":
		return notYet, fmt.Errorf("the service is %s", st.State)
	case s.apps && len(answer.down()) > 0:
		return notYet, fmt.Errorf("it runs, but no instance of %s is ready; its own output is in the logs folder", strings.Join(answer.down(), ", "))
	}
	return serves, nil
}

// because adds what the service manager says, and quotes the service's own log into setup's: the Event
// Log is open to everybody.
func (s *setup) because(ctx context.Context, err error) error {
	var b strings.Builder
	b.WriteString(err.Error())
	if st, queried := s.service.Query(ctx); queried == nil && st.Detail != "" {
		fmt.Fprintf(&b, "\nThe service %s.", st.Detail)
		if cure := service.Cure(st.ExitCode); cure != "" {
			b.WriteString(" " + cure)
		}
		if st.ExitCode != 0 { // a first installation that is taken back takes its logs along
			b.WriteString(" The service's own entry in the Application log (110 or 111), just before this one, tells more.")
		}
	}
	tail, readErr := s.disk.Tail(join(s.data, "logs", "holdfast.log"), tailMax)
	switch {
	case readErr == nil:
		lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(tail), "?")), "\n")
		s.log.problem("the last lines of the service's log", "lines", lines[max(0, len(lines)-tailLines):])
	case !errors.Is(readErr, fs.ErrNotExist):
		s.log.warn("the service's log cannot be read", "error", readErr.Error())
	}
	return errors.New(b.String())
}
