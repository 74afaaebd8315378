package gateway

import (
	"crypto/rand"
	"encoding/binary"
)

// Opcodes of a WebSocket's frames (RFC 6455, 5.2).
const (
	opContinuation = 0x0
	opBinary       = 0x2
	opClose        = 0x8
	opPong         = 0xa
	opControl      = 0x8 // the bit that control frames have
)

// closeGoingAway is the status of a server that ends (RFC 6455, 7.4.1).
const closeGoingAway = 1001

// frameScanner follows the frames of one direction of a WebSocket, of which it reads the headers and
// skips the rest. It is there to know where a frame of ours may go between two others.
type frameScanner struct {
	header [14]byte
	have   int    // of the header
	left   uint64 // of the payload
	final  bool   // of the frame
	opcode byte

	fragmented bool // a message has begun whose last frame has not ended
	closed     bool // a close frame has ended: nothing may follow
	bad        bool // these are no frames
}

// step follows p to the end of the frame at most, and returns how far it came.
func (s *frameScanner) step(p []byte) int {
	if s.bad {
		return len(p)
	}
	if s.left > 0 {
		n := len(p)
		if uint64(n) > s.left {
			n = int(s.left) //nolint:gosec // smaller than a length
		}
		if s.left -= uint64(n); s.left == 0 {
			s.end()
		}
		return n
	}
	for i, b := range p {
		s.header[s.have] = b
		s.have++
		if s.have < 2 || s.have < s.length() {
			continue
		}
		s.parse()
		return i + 1
	}
	return len(p)
}

// length is that of the header, of which the first two bytes are there.
func (s *frameScanner) length() int {
	n := 2
	switch s.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if s.header[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// parse takes over a whole header.
func (s *frameScanner) parse() {
	s.final, s.opcode = s.header[0]&0x80 != 0, s.header[0]&0x0f
	switch n := s.header[1] & 0x7f; n {
	case 126:
		s.left = uint64(binary.BigEndian.Uint16(s.header[2:]))
	case 127:
		s.left = binary.BigEndian.Uint64(s.header[2:])
	default:
		s.left = uint64(n)
	}
	s.have = 0
	switch {
	case s.left>>63 != 0, s.opcode > opPong, s.opcode > opBinary && s.opcode < opControl,
		s.opcode >= opControl && (!s.final || s.left > 125),
		s.opcode < opControl && (s.opcode == opContinuation) != s.fragmented:
		s.bad = true
	case s.left == 0:
		s.end()
	}
}

// end is the end of a frame.
func (s *frameScanner) end() {
	switch {
	case s.opcode == opClose:
		s.closed = true
	case s.opcode < opControl:
		s.fragmented = !s.final
	}
}

// between reports whether a frame may go here; those of control may even go inside a message.
func (s *frameScanner) between() bool { return s.have == 0 && s.left == 0 && !s.closed && !s.bad }

// closeFrame is the close frame of an end that goes away. A client has to mask it.
func closeFrame(masked bool) []byte {
	frame := []byte{0x80 | opClose, 2, closeGoingAway >> 8, closeGoingAway & 0xff}
	if !masked {
		return frame
	}
	var mask [4]byte
	_, _ = rand.Read(mask[:]) // never fails
	return []byte{frame[0], 0x80 | frame[1], mask[0], mask[1], mask[2], mask[3], frame[2] ^ mask[0], frame[3] ^ mask[1]}
}
