package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// systemd is the manager that started us by a unit of Type=notify.
type systemd struct {
	conn     *net.UnixConn
	log      Log
	watchdog time.Duration // 0: systemd does not wait for signs of life
	last     report
	deaf     bool // a notification failed, which was logged
}

// newSystemd is false when nobody listens. Trouble with the socket is worth a warning, but no
// reason not to serve.
func newSystemd(log Log, env func(string) (string, bool)) (*systemd, bool) {
	path, _ := env("NOTIFY_SOCKET")
	if path == "" {
		return nil, false
	}
	// package net spells an abstract socket as systemd does: "@" stands for the zero byte.
	if path[0] != '/' && path[0] != '@' {
		log.Warnw("NOTIFY_SOCKET is neither a path nor an abstract socket; systemd is not told", "socket", path)
		return nil, false
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		log.Warnw("systemd cannot be told", "error", err)
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
		m.barrier()
	}
}

// barrier waits until systemd has read what was sent, at most a second: it drops what comes from a
// process that is gone. The pipe's end that goes along closes when the message has been read
// (sd_notify(3), BARRIER=1; before systemd 246 it closes at once).
func (m *systemd) barrier() {
	read, write, err := os.Pipe()
	if err != nil {
		m.complain(err)
		return
	}
	defer read.Close() //nolint:errcheck // only its end of file was wanted
	err = errors.Join(m.sendFile("BARRIER=1", write), write.Close())
	if err == nil {
		err = read.SetReadDeadline(time.Now().Add(time.Second))
	}
	if err != nil {
		m.complain(err)
		return
	}
	_, _ = read.Read(make([]byte, 1)) // the end of the file, or of our patience
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

// sendFile sends text with a file. Package net does not let a connected datagram socket do that.
func (m *systemd) sendFile(text string, f *os.File) error {
	raw, err := m.conn.SyscallConn()
	if err != nil {
		return err
	}
	rights := unix.UnixRights(int(f.Fd()))
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = unix.Sendmsg(int(fd), []byte(text), rights, nil, 0)
		return !errors.Is(sent, unix.EAGAIN)
	})
	return errors.Join(err, sent)
}

func (m *systemd) complain(err error) {
	if !m.deaf {
		m.deaf = true
		m.log.Warnw("systemd cannot be told", "error", err)
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
