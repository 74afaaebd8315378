package gateway

import "sync"

// copySize is the size of the buffers through which bodies are copied, largeSize that of those for bodies
// that are known to be longer.
const (
	copySize  = 32 << 10
	largeSize = 64 << 10
)

// buffers lends buffers to the requests of one gateway.
type buffers struct{ small, large sync.Pool }

func (b *buffers) get() *[]byte { return lend(&b.small, copySize) }

func (b *buffers) put(buf *[]byte) { b.small.Put(buf) }

// getFor lends one for a body of n bytes, or of an unknown length; putFor takes it back.
func (b *buffers) getFor(n int64) *[]byte {
	if n > copySize {
		return lend(&b.large, largeSize)
	}
	return b.get()
}

func (b *buffers) putFor(buf *[]byte) {
	if len(*buf) == largeSize {
		b.large.Put(buf)
		return
	}
	b.put(buf)
}

func lend(pool *sync.Pool, size int) *[]byte {
	if buf, ok := pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, size)
	return &buf
}
