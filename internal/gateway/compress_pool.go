package gateway

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxEncoders bounds the answers that are compressed at once, and by that the memory: an encoder
	// takes about a megabyte. What comes beyond it goes out as it is.
	maxEncoders = 256
	// Levels at which a core makes tens of megabytes a second or more.
	gzipLevel   = 5
	brotliLevel = 4
	// windowBits is the size of what encoders look back at: 256 KiB. Browsers take up to 8 MiB (RFC 9659).
	windowBits = 18
)

// encoder compresses what is written to it.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// encoders lends encoders to the requests of one gateway.
type encoders struct {
	pools [codings]sync.Pool
	lent  atomic.Int64
}

// get is an encoder that writes to w; nil when too many are lent.
func (e *encoders) get(c coding, w io.Writer) encoder {
	if e.lent.Add(1) > maxEncoders {
		e.lent.Add(-1)
		return nil
	}
	if enc, ok := e.pools[c].Get().(encoder); ok {
		enc.Reset(w)
		return enc
	}
	if enc := newEncoder(c, w); enc != nil {
		return enc
	}
	e.lent.Add(-1)
	return nil
}

// put takes an encoder back, whatever is left in it.
func (e *encoders) put(c coding, enc encoder) {
	enc.Reset(io.Discard) // it must not hold on to the request
	e.pools[c].Put(enc)
	e.lent.Add(-1)
}

func newEncoder(c coding, w io.Writer) encoder {
	switch c {
	case gzipCoding:
		if enc, err := gzip.NewWriterLevel(w, gzipLevel); err == nil {
			return enc
		}
	case brotliCoding:
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: brotliLevel, LGWin: windowBits})
	case zstdCoding:
		// One at a time: no goroutine of its own.
		enc, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(1<<windowBits), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err == nil {
			return enc
		}
	case noCoding, codings: // nothing to encode with
	}
	return nil
}
