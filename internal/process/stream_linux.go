package process

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// capture reads one of a child's streams. While nothing comes it holds no buffer and no thread: it
// is parked in the runtime's poller.
type capture struct {
	out    *Output
	stream stream
	file   *os.File
	conn   syscall.RawConn
	bufs   *sync.Pool
	closed atomic.Bool
	ended  chan struct{} // read has returned

	mu    sync.Mutex // orders reading: the reader and, at the leader's end, drain
	split splitter
}

// newCapture makes a pipe and returns its end for the child, which stays blocking: a program that
// meets EAGAIN on its stdout is likely to be confused.
func newCapture(out *Output, s stream, bufs *sync.Pool) (c *capture, child int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, -1, errors.Join(err, unix.Close(fds[0]), unix.Close(fds[1]))
	}
	f := os.NewFile(uintptr(fds[0]), s.String())
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, -1, errors.Join(err, f.Close(), unix.Close(fds[1]))
	}
	return &capture{out: out, stream: s, file: f, conn: conn, bufs: bufs, ended: make(chan struct{})}, fds[1], nil
}

// read captures until every holder of the other end has closed it, or until close.
func (c *capture) read() {
	defer close(c.ended)
	_ = c.conn.Read(func(fd uintptr) bool { // its error means that we closed it
		for !c.closed.Load() {
			c.out.waitRoom()
			n, err := c.once(int(fd), -1)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return false
			case n <= 0 || err != nil:
				return true
			}
		}
		return true
	})
	c.flush()
	_ = c.file.Close() // read to its end; nothing can be lost
}

// once reads what there is, at most limit bytes (-1: no limit but the buffer's).
func (c *capture) once(fd, limit int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	buf := c.bufs.Get().(*[]byte) // the pool holds nothing else
	defer c.bufs.Put(buf)
	p := *buf
	if limit >= 0 {
		p = p[:min(limit, len(p))]
	}
	n, err := retryEINTR(func() (int, error) { return unix.Read(fd, p) })
	if n > 0 {
		c.out.ingest(c.stream, &c.split, p[:n])
	}
	return n, err
}

// drain takes what is in the pipe now. At the leader's end that is all that it wrote and was not
// read yet; what a descendant goes on writing is left to the reader.
func (c *capture) drain() {
	_ = c.conn.Control(func(fd uintptr) { // its error means that the reader came to the end
		left, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		for err == nil && left > 0 {
			var n int
			n, err = c.once(int(fd), left)
			if n <= 0 {
				break
			}
			left -= n
		}
	})
	c.flush()
}

func (c *capture) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.flush(c.stream, &c.split)
}

// close makes read return.
func (c *capture) close() {
	c.closed.Store(true)
	_ = c.file.Close() // closed already when read has returned
}
