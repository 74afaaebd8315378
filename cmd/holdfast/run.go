package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/daemon"
	"holdfast/internal/event"
	"holdfast/internal/service"
)

func newRunCommand(c *console) *cobra.Command {
	var set []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run Holdfast in this console, under systemd or as the Windows service",
		Long: `Runs Holdfast: starts the apps of the configuration, keeps them alive and serves their routes.

In a console it stays in the foreground; Ctrl-C stops it gracefully, a second Ctrl-C at once. Under
systemd (Type=notify) and under the Windows service control manager it speaks their protocol: that
is what "holdfast service install" sets up. A changed configuration file is applied while it runs;
one with errors is refused and the running one stays.`,
		Example: `  holdfast run
  holdfast run --config ./holdfast.yaml --data ./data
  holdfast run --set apps.shop.instances=3 --set logging.level=debug`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := c.identity()
			if err != nil {
				return err
			}
			return c.runService(cmd.Context(), id, c.configOptions(id, set))
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "set one configuration key, as key=value; may be given again")
	return cmd
}

// runService runs Holdfast as id with a configuration until it is stopped or ctx ends.
func (c *console) runService(ctx context.Context, id service.Identity, from config.Options) error {
	notify, closeLog := eventLogWriter(id, c.err)
	defer closeLog()
	d := daemon.New(daemon.Options{
		Name:     id.Name,
		Version:  thisVersion().Version,
		Config:   from,
		DataDir:  id.DataDir(),
		LogDir:   id.LogDir(),
		Endpoint: id.Endpoint(),
		Console:  c.out,
		Terminal: isTerminal(c.out),
		Environ:  os.Environ(),
		Notify:   notify,
	})
	code := service.Run(ctx, service.Options{
		Identity: id,
		Program:  program{d, c.err},
		Log:      hostLog(c.err),
		Console:  c.err,
		ExitCode: exitCodeOf,
	})
	if code != exitOK {
		// The host has told why.
		return &exitError{code, errors.New("")}
	}
	return nil
}

// program is the daemon as the service room knows it.
type program struct {
	*daemon.Daemon
	err io.Writer
}

// Run implements service.Program. The problems of a configuration are shown in full, because the
// error itself names only the first.
func (p program) Run(ctx context.Context, s service.Starting) error {
	err := p.Daemon.Run(ctx, s)
	if refused, ok := errors.AsType[*daemon.ConfigError](err); ok {
		_ = refused.Problems.Render(p.err, false) // the error itself is told as well
	}
	return err
}

// exitCodeOf maps what ended the daemon to the documented table.
func exitCodeOf(err error) int {
	var (
		refused *daemon.ConfigError
		listen  *daemon.ListenError
		data    *daemon.DataError
	)
	switch {
	case errors.Is(err, api.ErrInUse):
		return service.ExitRunning
	case errors.As(err, &refused):
		return service.ExitConfig
	case errors.As(err, &listen):
		return service.ExitListen
	case errors.As(err, &data):
		return service.ExitData
	default:
		return service.ExitFailed
	}
}

// hostLog is where the service room tells what goes wrong around the daemon, whose own log may not
// be open yet.
func hostLog(w io.Writer) service.Log {
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		LevelKey: "level", MessageKey: "message", EncodeLevel: zapcore.CapitalLevelEncoder, ConsoleSeparator: " ",
	})
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), zapcore.WarnLevel)).Sugar()
}

// eventLogWriter makes Event Log entries of the events that have an id there. A log that cannot be
// opened is a warning: only an administrator can register its source.
func eventLogWriter(id service.Identity, stderr io.Writer) (notify func(event.Event), closeLog func()) {
	log, err := service.OpenEventLog(id)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "holdfast: the Event Log is not written: %v\n", err)
		return nil, func() {}
	}
	notify = func(e event.Event) {
		entry, ok := service.EventIDOf(string(e.Type))
		if !ok {
			return
		}
		text := e.Message
		switch {
		case e.Instance != "":
			text = e.Instance + ": " + text
		case e.App != "":
			text = e.App + ": " + text
		}
		_ = log.Write(entry.Level, entry.ID, text) // the service log has it too
	}
	return notify, func() { _ = log.Close() }
}
