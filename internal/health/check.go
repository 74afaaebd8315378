package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// check is one probe of one instance with all that its checks have in common.
type check struct {
	p       *Prober
	kind    Kind
	probe   *config.Probe
	target  status.Target
	address string
	dial    dial
	cut     cut
	subject *subject
	shared  *outcome

	path    string
	request []byte // of an HTTP probe
	broken  error  // why there is no request

	success, duration prometheus.Gauge // from the first result on
}

// dial opens a connection. Until it is released the cut holds what waits.
type dial func(ctx context.Context, deadline time.Time, c *cut) (io.ReadWriteCloser, error)

type deadliner interface {
	SetDeadline(time.Time) error
}

func (p *Prober) newCheck(kind Kind, probe *config.Probe, target status.Target) *check {
	c := &check{p: p, kind: kind, probe: probe, target: target, address: target.Address, subject: p.subjectOf(target)}
	switch {
	case probe.HTTPGet != nil:
		c.address = withPort(target.Address, probe.HTTPGet.Port)
		c.path = expand(probe.HTTPGet.Path, target)
		c.request, c.broken = request(c.address, c.path, probe.HTTPGet.Headers)
	case probe.TCPSocket != nil:
		c.address = withPort(target.Address, probe.TCPSocket.Port)
	}
	c.dial = p.dialTo(c.address)
	c.shared = c.subject.outcome(checkKey{c.address, string(c.request), probe.Timeout.D()})
	return c
}

// run makes one check within its timeout and records it; one that the end of ctx cut short tells
// nothing about the instance.
func (c *check) run(ctx context.Context, now time.Time) error {
	err := c.once(ctx, now)
	if ctx.Err() == nil {
		c.record(time.Since(now), err)
	}
	return err
}

// share is run for a check whose turn it is: another probe of the instance may have the same one.
func (c *check) share(ctx context.Context, now time.Time) error {
	took, err := c.shared.of(now, min(grid, c.probe.Period.D())/2, func() (bool, error) {
		err := c.once(ctx, now)
		return ctx.Err() == nil, err
	})
	if ctx.Err() == nil {
		c.record(took, err)
	}
	return err
}

// once makes the check.
func (c *check) once(ctx context.Context, now time.Time) error {
	deadline := now.Add(c.probe.Timeout.D())
	if c.probe.HTTPGet != nil {
		return c.httpGet(ctx, deadline)
	}
	return c.tcpConnect(ctx, deadline)
}

func (c *check) record(took time.Duration, err error) {
	if c.kind == server {
		return
	}
	if c.success == nil {
		c.success = c.p.success.WithLabelValues(c.target.App, c.target.Instance, string(c.kind))
		c.duration = c.p.duration.WithLabelValues(c.target.App, c.target.Instance, string(c.kind))
	}
	c.duration.Set(took.Seconds())
	value := 1.0
	if err != nil {
		value = 0
	}
	c.success.Set(value)
	c.subject.add(c.kind, took, err)
}

func (c *check) httpGet(ctx context.Context, deadline time.Time) error {
	if c.broken != nil {
		return c.broken
	}
	code, text, err := c.exchange(ctx, deadline)
	if err != nil {
		return fmt.Errorf("GET %s on %s: %w", c.path, c.address, plain(err))
	}
	if code < 200 || code > 399 {
		return fmt.Errorf("GET %s on %s answered %s", c.path, c.address, text)
	}
	return nil
}

// exchange returns the answer's code, and its status line from the code on unless the code is good.
func (c *check) exchange(ctx context.Context, deadline time.Time) (code int, text string, err error) {
	conn, err := c.dial(ctx, deadline, &c.cut)
	if err != nil {
		return 0, "", err
	}
	defer func() {
		c.cut.release()
		_ = conn.Close()
	}()
	if _, err := conn.Write(c.request); err != nil {
		return 0, "", err
	}
	buffer := c.p.buffers.Get().(*[]byte)
	defer c.p.buffers.Put(buffer)
	return readAnswer(conn, *buffer)
}

// tcpConnect ends the connection in the regular way. To reset it (SO_LINGER of 0) would spare the
// system one minute's memory of it (TIME_WAIT, some 250 bytes), but a reset is an error to the
// program: python3 -m http.server prints a stack trace, and one that asks for the peer's address
// after accept finds none.
func (c *check) tcpConnect(ctx context.Context, deadline time.Time) error {
	conn, err := c.dial(ctx, deadline, &c.cut)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.address, plain(err))
	}
	c.cut.release()
	return conn.Close()
}

// dialWith connects in a way that works everywhere and for every address.
func (p *Prober) dialWith(address string) dial {
	return func(ctx context.Context, deadline time.Time, c *cut) (io.ReadWriteCloser, error) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		conn, err := p.dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		if err := c.hold(conn, deadline); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return conn, nil
	}
}

// cut ends what a check waits for when the probe's context ends. It is registered once per probe:
// per check it would cost more than the check's own system calls.
type cut struct {
	mu    sync.Mutex
	held  deadliner
	ended bool
}

// hold sets the deadline of what is waited for from now on.
func (c *cut) hold(d deadliner, deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return context.Canceled
	}
	c.held = d
	return d.SetDeadline(deadline)
}

func (c *cut) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = nil
}

func (c *cut) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.held != nil {
		_ = c.held.SetDeadline(time.Unix(1, 0)) // the check ends in any case, by its own deadline
	}
}

// request is the bytes of the whole request, on a connection of its own: a kept-alive one would not
// notice a program that stopped accepting.
func request(address, path string, headers map[string]string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+address+path, http.NoBody) //nolint:noctx // only its bytes are used
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	req.Close = true
	req.Header.Set("User-Agent", "holdfast-probe")
	for name, value := range headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return b.Bytes(), nil
}

// expand fills the placeholders of a probe's path.
func expand(path string, target status.Target) string {
	_, port, _ := net.SplitHostPort(target.Address)
	number, _ := strconv.Atoi(port)
	return config.Expand(path, config.Values{App: target.App, Instance: target.Instance, Port: number})
}

// withPort replaces the port of a host:port address unless port is 0.
func withPort(address string, port int) string {
	if port == 0 {
		return address
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// plain strips the layers of net/http, net and os that repeat the address, and puts in words what
// has none.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok { // "connect: connection refused"
		return call.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return file.Err
	}
	switch text := err.Error(); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed in the middle of the answer")
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed without an answer")
	case strings.HasPrefix(text, brokenConnection):
		return errors.New(strings.TrimPrefix(text, brokenConnection))
	}
	return err
}

// brokenConnection is what net/http's Transport writes before every answer that it cannot read.
const brokenConnection = "net/http: HTTP/1.x transport connection broken: "
