package wire

import "sync"

// bufferSize has room for a held body with its header, and is what a long body is sent by.
const bufferSize = holdRoom + holdSize

// buffers lends what only some requests need, and only for a moment.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[]byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, bufferSize)
	return &buf
}

func (b *buffers) put(buf *[]byte) { b.pool.Put(buf) }
