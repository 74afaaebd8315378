package process

import (
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/windows"
)

// Start starts a program in a job object of its own, with a hidden console of its own. An error is
// a *StartError, or ErrClosed.
func (l *Launcher) Start(s Spec) (*Child, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	path, err := locate(s)
	if err != nil {
		return nil, err
	}
	cr := creation{app: path, line: windows.ComposeCommandLine(s.Command), dir: s.Dir}
	if batchScript(path) {
		if cr.app, cr.line, err = batch(s, path); err != nil {
			return nil, err
		}
	}
	env := slices.DeleteFunc(slices.Clone(s.Env), func(kv string) bool {
		return strings.HasPrefix(strings.ToUpper(kv), envMark+"=")
	})
	cr.env = environment(append(env, envMark+"="+l.owner+"/"+s.ID), os.Getenv("SYSTEMROOT"))

	c := &Child{spec: s, output: s.Output, ended: make(chan struct{}), done: make(chan struct{})}
	c.launcher = l
	defer func() {
		for _, h := range cr.std {
			if h != 0 {
				_ = windows.CloseHandle(h)
			}
		}
	}()
	if err := c.handles(&cr.std); err != nil {
		c.abandon()
		return nil, startError(s, os.DevNull, err)
	}
	if s.Output != nil {
		c.firstSeq = s.Output.Lines() + 1
	}
	if err := l.create(c, &cr); err != nil {
		c.abandon()
		if se := startError(s, path, err); err != ErrClosed { //nolint:errorlint // it is returned as it is
			return nil, se
		}
		return nil, err
	}
	for _, r := range c.captures {
		c.readers.Go(r.read)
	}
	l.ending.Go(c.wait)
	return c, nil
}

// envMark is the environment variable that tells a child whose it is: <owner>/<instance>.
const envMark = "HOLDFAST_INSTANCE"

func (l *Launcher) create(c *Child, cr *creation) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	var unlimited error
	if c.job, unlimited, err = newJob(l.jobs, c.spec.Limits); err != nil {
		return err
	}
	if unlimited != nil {
		l.log.Warn("limits of an instance are not in force", zap.String("instance", c.spec.ID), zap.Error(unlimited))
	}
	cr.job = c.job
	c.started = time.Now()
	pi, err := cr.run()
	if err != nil {
		c.job.close()
		return err
	}
	_ = windows.CloseHandle(pi.Thread)
	c.pid, c.process = int(pi.ProcessId), pi.Process
	l.trees[c] = true
	return nil
}

// batch is how cmd.exe is made to run a script; the path of cmd.exe is the system's, not PATH's.
func batch(s Spec, path string) (app, line string, err error) {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return "", "", startError(s, path, err)
	}
	app = system + `\cmd.exe`
	line, err = batchLine(app, path, s.Command[1:])
	if err != nil {
		return "", "", &StartError{Kind: StartArguments, ID: s.ID, Path: path, Text: "batch file: " + err.Error(), Err: err}
	}
	return app, line, nil
}

// handles makes what the child gets as its standard handles.
func (c *Child) handles(std *[3]windows.Handle) (err error) {
	if c.spec.Stop == StdinClose {
		var w windows.Handle
		if err := windows.CreatePipe(&std[0], &w, nil, 0); err != nil {
			return err
		}
		c.stdin = os.NewFile(uintptr(w), "stdin")
		if err := windows.SetHandleInformation(std[0], windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
			return err
		}
	} else if std[0], err = null(windows.GENERIC_READ); err != nil {
		return err
	}
	for i, s := range []stream{stdout, stderr} {
		if c.output == nil {
			std[i+1], err = null(windows.GENERIC_WRITE)
		} else {
			var r *capture
			if r, std[i+1], err = newCapture(c.output, s, c.launcher.bufs); err == nil {
				c.captures = append(c.captures, r)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func null(access uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString("NUL")
	if err != nil {
		return 0, err
	}
	h, err := windows.CreateFile(name, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, inheritable(), windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return 0, err
	}
	return h, nil
}

// abandon gives back our ends of the pipes of a child that was not started.
func (c *Child) abandon() {
	for _, r := range c.captures {
		r.close()
	}
	if c.stdin != nil {
		_ = c.stdin.Close()
	}
}
