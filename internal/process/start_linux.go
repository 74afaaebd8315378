package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// Start starts a program as the leader of a session of its own: no terminal's signal reaches it, it
// leads a process group for Signal, and the session is one more sign of who belongs to it. An error
// is a *StartError, or ErrClosed.
func (l *Launcher) Start(s Spec) (*Child, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	path, err := locate(s)
	if err != nil {
		return nil, err
	}
	c := &Child{spec: s, output: s.Output, ended: make(chan struct{}), done: make(chan struct{})}
	c.launcher, c.ends = l, make(chan struct{}, 1)
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	if c.group, err = l.groups().make(l.groupName(s.ID), s.Limits); err != nil {
		l.log.Warn("limits of an instance are not in force", zap.String("instance", s.ID), zap.Error(err))
	}
	if s.Output != nil {
		c.firstSeq = s.Output.Lines() + 1
	}
	var forkErr error
	err = l.onFork(func() { forkErr = l.forkExec(c, path, files) })
	for _, fd := range files {
		_ = unix.Close(int(fd))
	}
	if err == nil && forkErr != nil {
		err = startError(s, path, forkErr)
	}
	if err != nil {
		c.abandon()
		if err := c.group.remove(); err != nil {
			l.log.Warn("an instance's control group is left until the next start of Holdfast", zap.String("instance", s.ID), zap.Error(err))
		}
		return nil, err
	}
	for _, r := range c.captures {
		c.readers.Go(r.read)
	}
	return c, nil
}

// files makes what the child gets as its descriptors 0, 1 and 2.
func (c *Child) files() (files []uintptr, err error) {
	defer func() {
		if err != nil {
			for _, fd := range files {
				_ = unix.Close(int(fd))
			}
			c.abandon()
			err = startError(c.spec, os.DevNull, err)
		}
	}()
	if c.spec.Stop == StdinClose {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
			return files, err
		}
		c.stdin = os.NewFile(uintptr(fds[1]), "stdin")
		files = append(files, uintptr(fds[0]))
	} else {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return files, err
		}
		files = append(files, uintptr(fd))
	}
	for _, s := range []stream{stdout, stderr} {
		var fd int
		if c.output == nil {
			fd, err = unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		} else {
			var r *capture
			if r, fd, err = newCapture(c.output, s, c.launcher.bufs); err == nil {
				c.captures = append(c.captures, r)
			}
		}
		if err != nil {
			return files, err
		}
		files = append(files, uintptr(fd))
	}
	return files, nil
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

// forkExec runs on the forking thread, the only place that forks: so l.run and the limit that is
// the mark change here only.
func (l *Launcher) forkExec(c *Child, path string, files []uintptr) error {
	l.run++
	c.run = l.run & (1<<runBits - 1)
	undo, err := newMark(l.owner, l.nonce, c.run).wear()
	if err != nil {
		l.unmarked.Do(func() {
			l.log.Warn("descendants cannot be marked by a resource limit: one that starts a session of its own and clears its environment is found only when Holdfast ends", zap.Error(err))
		})
	} else {
		defer undo()
	}
	env := slices.DeleteFunc(slices.Clone(c.spec.Env), func(kv string) bool { return strings.HasPrefix(kv, envMark+"=") })
	attr := &syscall.ProcAttr{
		Dir:   c.spec.Dir,
		Env:   append(env, envMark+"="+l.owner+"/"+c.spec.ID),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.started = time.Now()
	pid, born, err := l.spawn(c.group, path, c.spec.Command, attr)
	if err != nil {
		return err
	}
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) == nil {
		c.ownPeak = ru.Maxrss
	}
	c.pid = pid
	l.children[pid] = c
	l.trees[c] = true
	l.runs[c.run] = c
	if !born {
		if err := c.group.take(pid); err != nil {
			l.log.Warn("an instance is outside of its control group, without its limits", zap.String("instance", c.spec.ID), zap.Error(err))
		}
	}
	return nil
}

// spawn starts a program in the group, before its first instruction where the system can: Linux 5.7,
// without a filter of system calls that forbids clone3.
func (l *Launcher) spawn(g *group, path string, argv []string, attr *syscall.ProcAttr) (pid int, born bool, err error) {
	if g == nil {
		pid, err = syscall.ForkExec(path, argv, attr) //nolint:gosec // what the configuration names
		return pid, true, err
	}
	if !l.noClone3 {
		fd, err := g.open()
		if err == nil {
			attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, fd
			pid, err = syscall.ForkExec(path, argv, attr) //nolint:gosec // what the configuration names
			_ = unix.Close(fd)
			attr.Sys.UseCgroupFD = false
		}
		if err == nil {
			return pid, true, nil
		}
		l.noClone3 = errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.E2BIG) || errors.Is(err, unix.EOPNOTSUPP)
	}
	// If it was the program's start that failed, it does so again.
	pid, err = syscall.ForkExec(path, argv, attr) //nolint:gosec // what the configuration names
	return pid, false, err
}

// groupName is unique to this start of the instance; it holds what tells earlier launchers' groups
// from ours.
func (l *Launcher) groupName(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starts++
	return id[:min(len(id), 200)] + l.groupMark() + strconv.FormatUint(l.starts, 10)
}

func (l *Launcher) groupMark() string { return fmt.Sprintf(".%08x-", l.nonce) }

// locate finds the program, and refuses at once what would fail in the child without telling why.
func locate(s Spec) (string, error) {
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		return "", directoryError(s, err)
	}
	if _, err := os.Stat(s.Dir + "/."); err != nil {
		return "", directoryError(s, err) // it may be seen and not entered
	}
	name := s.Command[0]
	if strings.ContainsRune(name, '/') {
		path := name
		if !strings.HasPrefix(path, "/") {
			path = s.Dir + "/" + path
		}
		if err := executable(path); err != nil {
			return "", startError(s, path, err)
		}
		return path, nil
	}
	search := lookupEnv(s.Env, "PATH")
	var denied error
	var deniedPath string
	for dir := range strings.SplitSeq(search, ":") {
		if !strings.HasPrefix(dir, "/") {
			continue // an empty or relative entry would mean the current directory
		}
		path := dir + "/" + name
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if denied == nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			denied, deniedPath = err, path
		}
	}
	if denied != nil {
		return "", startError(s, deniedPath, denied)
	}
	return "", notInPath(s, search)
}

// executable is what execve would say about the file itself: execve(2).
func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return unix.EISDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}

// lookupEnv is the last value of a variable, as programs read it.
func lookupEnv(env []string, name string) string {
	value := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}
