package supervise

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
)

// helpLines is how many lines of on_failure's output may wait for the app's log.
const helpLines = 256

// help runs the app's on_failure because of an event, unless it runs already: it is for people who
// must be called, and they were.
func (s *Supervisor) help(o *owner, a *app, failed *instance, because event.Body) {
	c := a.config
	if c.OnFailure == nil || a.helping || a.maintenance != nil {
		return
	}
	a.helping = true
	id, log := failed.view().ID, failed.output
	if !s.has(a, failed) && len(a.instances) > 0 {
		log = a.instances[0].output // a surge instance's is closed
	}
	note := func(text string) { log.Note("on_failure: " + text) }
	o.wg.Go(func() {
		if err := s.runHelp(o.ctx, c, a.name, id, because, note); err != nil {
			note(err.Error())
			s.options.Log.Warn("on_failure", zap.String("app", a.name), zap.Error(err))
		}
		_ = s.ask(o.ctx, func(*owner) error { // it fails only when all ends
			a.helping = false
			return nil
		})
	})
}

// runHelp runs the program and returns when its whole tree has ended. The error says that it could not
// be run, did not end in time, or ended badly.
func (s *Supervisor) runHelp(ctx context.Context, c config.App, app, instance string, because event.Body, note func(string)) error {
	output := process.NewOutput(process.OutputOptions{Instance: instance, Encoding: string(c.Output.Encoding)})
	lines := output.Follow(helpLines)
	var noting sync.WaitGroup
	noting.Go(func() {
		for line := range lines.C() {
			note(line.Text)
		}
	})
	defer noting.Wait()
	defer func() { _ = output.Close() }() // it has no file

	values := config.Values{App: app, Instance: instance}
	child, err := s.options.Launcher.Start(process.Spec{
		ID:      app + "-on-failure",
		App:     app,
		Command: c.OnFailure.Command,
		Dir:     c.Directory,
		Env: append(environment(s.options.Environ, c, values),
			"HOLDFAST_FAILED_INSTANCE="+instance, "HOLDFAST_EVENT="+string(because.Type()), "HOLDFAST_MESSAGE="+because.Message()),
		Output: output,
	})
	if err != nil {
		return err
	}
	late := time.NewTimer(c.OnFailure.Timeout.D())
	defer late.Stop()
	select {
	case <-child.Done():
		child.Kill()
		if exit := child.Exit(); exit.Code != 0 {
			return fmt.Errorf("its program ended badly: %s", exit.Text)
		}
		note("its program ended well")
		return nil
	case <-late.C:
		child.Kill()
		return fmt.Errorf("its program had not ended after %v and was killed: raise on_failure.timeout, or have it do less", c.OnFailure.Timeout.D())
	case <-ctx.Done():
		child.Kill()
		return nil
	}
}
