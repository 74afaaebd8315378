package supervise

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// spec is what to start for one process of the instance.
func (i *instance) spec(app config.App, port int) process.Spec {
	v := &i.machine.view
	return i.s.spec(app, config.Values{App: v.App, Instance: v.ID, Port: port}, i.output)
}

// spec is what to start for one process of the app.
func (s *Supervisor) spec(app config.App, values config.Values, output *process.Output) process.Spec {
	command := make([]string, len(app.Command))
	for n, arg := range app.Command {
		command[n] = config.Expand(arg, values)
	}
	return process.Spec{
		ID:      values.Instance,
		App:     values.App,
		Command: command,
		Dir:     app.Directory,
		Env:     environment(s.options.Environ, app, values),
		Stop:    stopMethod(app.Stop.Method),
		Limits:  process.Limits{Memory: uint64(app.Limits.Memory), CPU: float64(app.Limits.CPU)}, //nolint:gosec // validated to be positive
		Output:  output,
	}
}

// environment is the inherited one, then what is injected, then the app's own, so that the later
// wins.
func environment(inherited []string, app config.App, values config.Values) []string {
	env := slices.Clone(inherited)
	env = append(env, "HOLDFAST_APP="+values.App)
	if values.Port != 0 {
		port := strconv.Itoa(values.Port)
		env = append(env,
			"PORT="+port,
			"HTTP_PLATFORM_PORT="+port,
			"SERVER_PORT="+port,
			"ASPNETCORE_URLS=http://127.0.0.1:"+port,
		)
	}
	for _, name := range slices.Sorted(maps.Keys(app.Env)) {
		env = append(env, name+"="+config.Expand(app.Env[name].Reveal(), values))
	}
	return env
}

// Inherited is the environment that apps inherit from environ: all but what the service manager
// means for Holdfast alone.
func Inherited(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "MAINPID", "INVOCATION_ID", "JOURNAL_STREAM":
			return true
		}
		return strings.HasPrefix(name, "HOLDFAST_")
	})
}

// stopMethod is how the process room names it; the http method is a call of ours, and a process
// that it does not end is killed.
func stopMethod(m config.StopMethod) process.Stop {
	switch m {
	case config.StopCtrlC:
		return process.CtrlC
	case config.StopCtrlBreak:
		return process.CtrlBreak
	case config.StopStdinClose:
		return process.StdinClose
	case config.StopSigterm, config.StopHTTPCall:
		return process.Sigterm
	}
	return process.Sigterm
}

// askToStop asks the process to end.
func (i *instance) askToStop(ctx context.Context) {
	app, target, child := *i.machine.app, i.target, i.child
	port := i.machine.view.Port
	i.task(ctx, func(ctx context.Context, _ func(input)) {
		var err error
		if app.Stop.Method == config.StopHTTPCall && app.Stop.HTTP != nil {
			err = postStop(ctx, app, target, port)
		} else {
			err = child.Signal(stopMethod(app.Stop.Method))
		}
		if err != nil && ctx.Err() == nil {
			// The grace period runs on: its end kills the process.
			i.s.options.Log.Warn("the process could not be asked to stop",
				zap.String("app", target.App), zap.String("instance", target.Instance), zap.Error(err))
			i.output.Note("could not be asked to stop: " + err.Error())
		}
	})
}

// postStop is the http stop method.
func postStop(ctx context.Context, app config.App, target status.Target, port int) error {
	ctx, cancel := context.WithTimeout(ctx, app.Stop.Grace.D())
	defer cancel()
	path := config.Expand(app.Stop.HTTP.Path, config.Values{App: target.App, Instance: target.Instance, Port: port})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+target.Address+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode > 299 {
		return fmt.Errorf("POST %s answered %s", path, resp.Status)
	}
	return nil
}
