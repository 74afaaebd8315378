package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"

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

// follow prints a stream until Ctrl-C, which is its ordinary end. A gap is told on stderr to people
// and as an entry of its own to programs.
func follow[T any](ctx context.Context, c *console, open func(context.Context) iter.Seq2[api.Entry[T], error], write func(io.Writer, T) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	for entry, err := range open(ctx) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case entry.Gap != nil:
			err = c.writeGap(*entry.Gap)
		default:
			err = c.writeEntry(entry.Value, func(w io.Writer) error { return write(w, entry.Value) })
		}
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("write: %w", err)}
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return &exitError{exitUnreachable, errors.New("the stream ended, because Holdfast is stopping or the app is gone")}
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
		_, err := fmt.Fprintf(c.err, "-- %s missing here: %s --\n", what, why)
		return err
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
