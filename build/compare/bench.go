//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// bounds of one measurement.
const (
	// answerLimit is how long anything may take until it answers.
	answerLimit = 30 * time.Second
	// stableRun is how long a target has run before it is killed: every supervisor here calls that
	// a good run, after which it restarts as fast as it can.
	stableRun = 1500 * time.Millisecond
	// pollEvery is the resolution of what is measured.
	pollEvery = 250 * time.Microsecond
)

// bench is the machine's side: where things are and what was started.
type bench struct {
	dir, target, holdfast string
	reverse               string // httputil.ReverseProxy as a program
	mark                  string // in the environment of everything that is started
	folders               int
}

// session is one running supervisor.
type session struct {
	supervisor
	dir   string
	ports []int
	cmd   *exec.Cmd
	done  chan struct{}
}

// start runs a supervisor of n targets in a fresh folder.
func (b *bench) start(ctx context.Context, s supervisor, n int) (*session, error) {
	b.folders++
	dir := filepath.Join(b.dir, strconv.Itoa(b.folders))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	ports, err := freePorts(n)
	if err != nil {
		return nil, err
	}
	if err := s.write(dir, ports); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	argv := s.command(dir)
	run := &session{supervisor: s, dir: dir, ports: ports, done: make(chan struct{})}
	run.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // one of the supervisors
	run.cmd.Env = append(os.Environ(), markName+"="+b.mark)
	run.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := run.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	go func() {
		defer close(run.done)
		_ = run.cmd.Wait() // ended by stop
	}()
	return run, nil
}

// stop asks, waits a little, and ends what is left.
func (b *bench) stop(s *session) {
	ask := syscall.SIGTERM
	if s.name == "runit" {
		ask = syscall.SIGHUP // runsvdir(8): HUP stops the services too
	}
	_ = s.cmd.Process.Signal(ask)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// restarts measures kill to first good answer, in turns.
func (b *bench) restarts(ctx context.Context, all []supervisor, rounds int) (table, error) {
	result := newTable(all)
	var sessions []*session
	for _, s := range all {
		run, err := b.start(ctx, s, 1)
		if err != nil {
			return result, err
		}
		defer b.stop(run)
		sessions = append(sessions, run)
	}
	for range rounds {
		for _, s := range sessions {
			pid, err := firstAnswer(ctx, s.ports[0], 0)
			if err != nil {
				return result, fmt.Errorf("%s: %w", s.name, err)
			}
			if err := untilStable(ctx, pid); err != nil {
				return result, err
			}
			begin := time.Now()
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return result, fmt.Errorf("%s: kill %d: %w", s.name, pid, err)
			}
			if _, err := firstAnswer(ctx, s.ports[0], pid); err != nil {
				return result, fmt.Errorf("%s: after a kill: %w", s.name, err)
			}
			result.add(s.name, time.Since(begin))
		}
	}
	return result, nil
}

// startTimes are two tables: until the program answers, and until the supervisor says it is ready.
type startTimes struct{ answer, ready table }

// starts measures the start of a supervisor with one program.
func (b *bench) starts(ctx context.Context, all []supervisor, rounds int) (startTimes, error) {
	result := startTimes{answer: newTable(all), ready: newTable(all)}
	for range rounds {
		for _, s := range all {
			begin := time.Now()
			run, err := b.start(ctx, s, 1)
			if err != nil {
				return result, err
			}
			_, err = firstAnswer(ctx, run.ports[0], 0)
			result.answer.add(s.name, time.Since(begin))
			b.stop(run)
			if err != nil {
				return result, fmt.Errorf("%s: %w", s.name, err)
			}
			if s.ready == nil {
				continue
			}
			begin = time.Now()
			if run, err = b.start(ctx, s, 1); err != nil {
				return result, err
			}
			err = untilGood(ctx, s.ready(run.dir))
			result.ready.add(s.name, time.Since(begin))
			b.stop(run)
			if err != nil {
				return result, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return result, nil
}

// memory reads what each supervisor itself holds with five idle programs.
func (b *bench) memory(ctx context.Context, all []supervisor, idle time.Duration) ([]footprint, error) {
	var result []footprint
	for _, s := range all {
		run, err := b.start(ctx, s, 5)
		if err != nil {
			return nil, err
		}
		for _, port := range run.ports {
			if _, err := firstAnswer(ctx, port, 0); err != nil {
				b.stop(run)
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
		err = sleep(ctx, idle)
		result = append(result, b.footprint(s.name))
		b.stop(run)
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// firstAnswer polls a target until a process other than old answers, and returns its id.
func firstAnswer(ctx context.Context, port, old int) (int, error) {
	var pid int
	err := poll(ctx, "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(port))+"/", func(status int, body []byte) bool {
		n, err := strconv.Atoi(string(body))
		pid = n
		return err == nil && status == http.StatusOK && n != old
	})
	return pid, err
}

// untilGood polls a URL until it answers 200.
func untilGood(ctx context.Context, url string) error {
	return poll(ctx, url, func(status int, _ []byte) bool { return status == http.StatusOK })
}

// poll asks url on a new connection each time until good likes the answer.
func poll(ctx context.Context, url string, good func(status int, body []byte) bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if status, body, err := ask(ctx, client, url); err == nil && good(status, body) {
			return nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("no good answer from %s within %v", url, answerLimit)
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, body, errors.Join(err, resp.Body.Close())
}

// untilStable waits until a process is old enough for its end to count as the end of a good run.
func untilStable(ctx context.Context, pid int) error {
	age, err := ageOf(pid)
	if err != nil {
		return err
	}
	return sleep(ctx, stableRun-age)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// freePorts are loopback ports on which nobody listens now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // all at the end: no port twice
		address, ok := listener.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("listener has address %v", listener.Addr())
		}
		ports[i] = address.Port
	}
	return ports, nil
}
