package process

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"
)

// capture reads one of a child's streams through a named pipe: unlike an anonymous one it can be
// read without holding a thread.
type capture struct {
	out    *Output
	stream stream
	file   *os.File
	handle windows.Handle
	bufs   *sync.Pool
	closed atomic.Bool
	ended  chan struct{} // read has returned

	mu    sync.Mutex
	split splitter
}

// newCapture makes a pipe and returns its end for the child, which is inheritable.
func newCapture(out *Output, s stream, bufs *sync.Pool) (c *capture, child windows.Handle, err error) {
	var unique [16]byte
	_, _ = rand.Read(unique[:]) // it cannot fail: crypto/rand
	name, err := windows.UTF16PtrFromString(fmt.Sprintf(`\\.\pipe\holdfast-output-%d-%s`, os.Getpid(), hex.EncodeToString(unique[:])))
	if err != nil {
		return nil, 0, err
	}
	h, err := windows.CreateNamedPipe(name,
		windows.PIPE_ACCESS_INBOUND|windows.FILE_FLAG_OVERLAPPED|windows.FILE_FLAG_FIRST_PIPE_INSTANCE,
		windows.PIPE_TYPE_BYTE|windows.PIPE_REJECT_REMOTE_CLIENTS, 1, 0, 64<<10, 0, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("create pipe: %w", err)
	}
	child, err = windows.CreateFile(name, windows.GENERIC_WRITE|windows.FILE_READ_ATTRIBUTES, 0, inheritable(), windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		_ = windows.CloseHandle(h)
		return nil, 0, fmt.Errorf("open pipe: %w", err)
	}
	return &capture{out: out, stream: s, file: os.NewFile(uintptr(h), s.String()), handle: h, bufs: bufs, ended: make(chan struct{})}, child, nil
}

func inheritable() *windows.SecurityAttributes {
	sa := &windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa
}

// read captures until every holder of the other end has closed it, or until close.
func (c *capture) read() {
	defer close(c.ended)
	small := make([]byte, 2<<10) // what an idle child costs
	for !c.closed.Load() {
		n, err := c.file.Read(small)
		c.take(small[:n])
		if err == nil && n == len(small) {
			err = c.burst()
		}
		if err != nil {
			break
		}
	}
	c.flush()
	_ = c.file.Close() // read to its end; nothing can be lost
}

// burst reads with a large buffer for as long as much comes.
func (c *capture) burst() error {
	buf := c.bufs.Get().(*[]byte) // the pool holds nothing else
	defer c.bufs.Put(buf)
	for !c.closed.Load() {
		c.out.waitRoom()
		n, err := c.file.Read(*buf)
		c.take((*buf)[:n])
		if err != nil || n < 2<<10 {
			return err
		}
	}
	return nil
}

func (c *capture) take(p []byte) {
	if len(p) > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.out.ingest(c.stream, &c.split, p)
	}
}

// empty tells whether the pipe holds nothing that was not handed to a read yet.
func (c *capture) empty() bool {
	var left uint32
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("PeekNamedPipe")
	r, _, _ := proc.Call(uintptr(c.handle), 0, 0, 0, uintptr(unsafe.Pointer(&left)), 0) //nolint:gosec // the call's own convention
	return r == 0 || left == 0
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
