package gateway

import "sync"

// copySize is the size of the buffers through which bodies are copied.
const copySize = 32 << 10

// buffers lends buffers to the requests of one gateway.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[]byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, copySize)
	return &buf
}

func (b *buffers) put(buf *[]byte) { b.pool.Put(buf) }
