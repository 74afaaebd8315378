package service

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// systemd is the manager that started us by a unit of Type=notify.
type systemd struct {
	conn     *net.UnixConn
	log      *zap.Logger
	watchdog time.Duration // 0: systemd does not wait for signs of life
	last     report
	deaf     bool // a notification failed, which was logged
}

// newSystemd is false when nobody listens. Trouble with the socket is worth a warning, but no
// reason not to serve.
func newSystemd(log *zap.Logger, env func(string) (string, bool)) (*systemd, bool) {
	path, _ := env("NOTIFY_SOCKET")
	if path == "" {
		return nil, false
	}
	// package net spells an abstract socket as systemd does: "@" stands for the zero byte.
	if path[0] != '/' && path[0] != '@' {
		log.Warn("NOTIFY_SOCKET is neither a path nor an abstract socket; systemd is not told", zap.String("socket", path))
		return nil, false
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		log.Warn("systemd cannot be told", zap.Error(err))
		return nil, false
	}
	return &systemd{conn: conn, log: log, watchdog: watchdogInterval(env, os.Getpid(), os.Getppid())}, true
}

// forgetSystemd keeps these variables from the apps, which must not speak for us.
func forgetSystemd() {
	for _, key := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(key) // fails only for an invalid key
	}
}

func (m *systemd) every() time.Duration {
	if m.watchdog > 0 {
		return min(m.watchdog, chatter)
	}
	return chatter
}

func (m *systemd) report(r report) {
	m.send(notification(r, m.last, monotonic(), m.watchdog > 0))
	m.last = r
}

// ended leaves the reason of a failure where `systemctl status` shows it.
func (m *systemd) ended(e ending) {
	if e.err != nil {
		m.send("STATUS=" + oneLine(fmt.Sprintf("Failed: %v (exit code %d)", e.err, e.code)))
	}
}

func (m *systemd) close() { _ = m.conn.Close() }

func (m *systemd) send(text string) {
	if text == "" {
		return
	}
	// A manager that does not read must not stop us.
	if err := m.conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		m.complain(err)
		return
	}
	if _, err := m.conn.Write([]byte(strings.ToValidUTF8(text, "?"))); err != nil {
		m.complain(err)
	}
}

func (m *systemd) complain(err error) {
	if !m.deaf {
		m.deaf = true
		m.log.Warn("systemd cannot be told", zap.Error(err))
	}
}

// monotonic is CLOCK_MONOTONIC, the clock of MONOTONIC_USEC.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
