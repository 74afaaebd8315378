package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

// maxEntries is the most that one call of the API returns.
const maxEntries = 500

// checkCount is about -n.
func checkCount(n int) error {
	if n < 1 || n > maxEntries {
		return &exitError{exitUsage, fmt.Errorf("-n %d: write a number from 1 to %d", n, maxEntries)}
	}
	return nil
}

// missing is the entry that stands in the place of lost ones, with -o json and yaml.
type missing struct {
	Gap *api.Gap `json:"gap"`
}

const (
	// retryEvery is the pause between two tries to connect again.
	retryEvery = 250 * time.Millisecond
	// steady is how long a stream without entries must last to count as one.
	steady = 5 * time.Second
)

// reconnectFlag is how long a stream that Holdfast ended is tried again.
func reconnectFlag(cmd *cobra.Command, patience *time.Duration) {
	cmd.Flags().DurationVar(patience, "reconnect", time.Minute, "with -f: how long to try again when Holdfast ends, such as for an upgrade (0: not at all)")
}

// source opens a stream behind the entry with the ID after, or as the command line says when that is
// empty, and calls connected once it is open.
type source[T any] func(ctx context.Context, after string, connected func()) iter.Seq2[api.Entry[T], error]

// follow prints a stream until Ctrl-C, which is its ordinary end. A gap is told on stderr to people
// and as an entry of its own to programs. When Holdfast ends, it goes on with the next one, for which
// it waits as long as patience says.
func follow[T any](ctx context.Context, c *console, patience time.Duration, open source[T], write func(io.Writer, T) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := follower[T]{c: c, open: open, write: write}
	var lost time.Time
	for {
		began := time.Now()
		delivered, err := f.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !f.mayReturn(err):
			return err
		case delivered || lost.IsZero() || f.opened && time.Since(began) > steady:
			lost = time.Now()
			f.told, f.toldAgain = false, false
		}
		if time.Since(lost) >= patience {
			return &exitError{exitUnreachable, f.ended(patience)}
		}
		if !f.told {
			f.told = true
			c.notice("Holdfast ended the stream; trying to go on for up to %v", patience)
		}
		select {
		case <-time.After(min(retryEvery, patience)):
		case <-ctx.Done():
		}
	}
}

// follower is one stream that is printed, over all connections.
type follower[T any] struct {
	c     *console
	open  source[T]
	write func(io.Writer, T) error
	after string
	// opened is true when the newest connection was made, everOpened when any was; told and toldAgain mean
	// that the reader knows of the present interruption, and of its end.
	opened, everOpened, told, toldAgain bool
}

// run prints one connection's entries.
func (f *follower[T]) run(ctx context.Context) (delivered bool, err error) {
	f.opened = false
	connected := func() {
		f.opened = true
		if f.told && !f.toldAgain {
			f.toldAgain = true
			f.c.notice("connected again")
		}
		f.everOpened = true
	}
	for entry, err := range f.open(ctx, f.after, connected) {
		switch {
		case ctx.Err() != nil:
			return delivered, nil
		case err != nil:
			return delivered, err
		case entry.Gap != nil:
			err = f.c.writeGap(*entry.Gap)
		default:
			f.after = entry.ID
			err = f.c.writeEntry(entry.Value, func(w io.Writer) error { return f.write(w, entry.Value) })
		}
		if err != nil {
			return delivered, &exitError{exitFailed, fmt.Errorf("write: %w", err)}
		}
		delivered = true
	}
	return delivered, nil
}

// mayReturn is false for what no further try can mend, and while there never was a connection.
func (f *follower[T]) mayReturn(err error) bool {
	if !f.everOpened {
		return false
	}
	if _, ok := errors.AsType[*exitError](err); ok {
		return false
	}
	if p, ok := errors.AsType[*api.Problem](err); ok {
		return p.Status == http.StatusServiceUnavailable
	}
	return !errors.Is(err, api.ErrDenied)
}

func (f *follower[T]) ended(patience time.Duration) error {
	if patience <= 0 {
		return errors.New("the stream ended, because Holdfast is stopping or the app is gone")
	}
	return fmt.Errorf("the stream ended, and could not be continued within %v", patience)
}

// notice tells a person something that is not part of the stream.
func (c *console) notice(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, "-- "+format+" --\n", args...) // who cannot read it misses nothing of the stream
}

func (c *console) writeGap(gap api.Gap) error {
	return c.writeEntry(missing{&gap}, func(io.Writer) error {
		what := "some lines"
		if gap.Missed > 0 {
			what = many(gap.Missed, "line")
		}
		why := map[api.GapReason]string{
			api.GapSlow:      "written faster than they could be taken",
			api.GapForgotten: "no longer remembered",
			api.GapRestarted: "Holdfast was started anew",
		}[gap.Reason]
		c.notice("%s missing here: %s", what, why)
		return nil
	})
}

// writeEntry writes one entry of a stream: a line of JSON, a YAML document, or the form for people.
func (c *console) writeEntry(v any, people func(io.Writer) error) error {
	switch c.output {
	case "json":
		return json.NewEncoder(c.out).Encode(v)
	case "yaml":
		if _, err := io.WriteString(c.out, "---\n"); err != nil {
			return err
		}
		return writeYAML(c.out, v)
	default:
		return people(c.out)
	}
}
