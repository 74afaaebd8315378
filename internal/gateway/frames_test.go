package gateway

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frame makes one; a payload of more than 125 bytes takes the longer forms of its length.
func frame(first byte, masked bool, size int) []byte {
	out := []byte{first}
	var mask byte
	if masked {
		mask = 0x80
	}
	switch {
	case size < 126:
		out = append(out, mask|byte(size))
	case size < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, mask|126), uint16(size))
	default:
		out = binary.BigEndian.AppendUint64(append(out, mask|127), uint64(size))
	}
	if masked {
		out = append(out, 1, 2, 3, 4)
	}
	return append(out, bytes.Repeat([]byte{0x88}, size)...) // looks like a close frame
}

// TestFrameScanner feeds sequences of frames in pieces of every size.
func TestFrameScanner(t *testing.T) {
	for _, tc := range []struct {
		name   string
		frames [][]byte
		// Of the place after each frame: m between messages, f within one, c closed, b bad.
		want string
	}{
		{"messages", [][]byte{frame(0x81, false, 5), frame(0x82, false, 0), frame(0x82, false, 126), frame(0x81, false, 70_000)}, "mmmm"},
		{"masked", [][]byte{frame(0x81, true, 5), frame(0x82, true, 0), frame(0x82, true, 300), frame(0x81, true, 66_000)}, "mmmm"},
		{"fragments", [][]byte{frame(0x01, false, 5), frame(0x00, false, 5), frame(0x89, false, 3), frame(0x80, false, 5)}, "fffm"},
		{"compressed", [][]byte{frame(0xc1, false, 5), frame(0x41, false, 0), frame(0x80, false, 0)}, "mfm"},
		{"closed", [][]byte{frame(0x89, true, 0), frame(0x8a, true, 125), frame(0x88, true, 2)}, "mmc"},
		{"closed in a message", [][]byte{frame(0x01, false, 1), frame(0x88, false, 0)}, "fc"},
		{"continues nothing", [][]byte{frame(0x80, false, 5)}, "b"},
		{"message in a message", [][]byte{frame(0x01, false, 5), frame(0x81, false, 5)}, "fb"},
		{"control in pieces", [][]byte{frame(0x09, false, 5)}, "b"},
		{"control too long", [][]byte{frame(0x89, false, 126)}, "b"},
		{"reserved data", [][]byte{frame(0x83, false, 1)}, "b"},
		{"reserved control", [][]byte{frame(0x8b, false, 1)}, "b"},
		{"impossible length", [][]byte{{0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0}}, "b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, piece := range []int{1, 2, 3, 7, 1 << 20} {
				var s frameScanner
				got := ""
				for _, f := range tc.frames {
					for rest := f; len(rest) > 0; {
						p := rest[:min(piece, len(rest))]
						for len(p) > 0 {
							n := s.step(p)
							p, rest = p[n:], rest[n:]
							if len(rest) > 0 && s.between() {
								t.Fatalf("pieces of %d: a frame ends %d bytes early", piece, len(rest))
							}
						}
					}
					got += standing(&s)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("pieces of %d (-want +got):\n%s", piece, diff)
				}
			}
		})
	}
}

func standing(s *frameScanner) string {
	switch {
	case s.bad:
		return "b"
	case s.closed:
		return "c"
	case !s.between():
		return "?"
	case s.fragmented:
		return "f"
	default:
		return "m"
	}
}

func TestCloseFrame(t *testing.T) {
	if diff := cmp.Diff([]byte{0x88, 2, 0x03, 0xe9}, closeFrame(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f := closeFrame(true)
	if len(f) != 8 || f[0] != 0x88 || f[1] != 0x82 || f[6]^f[2] != 0x03 || f[7]^f[3] != 0xe9 {
		t.Errorf("masked: %x", f)
	}
}

// FuzzFrameScanner says that it comes to the same in whatever pieces the bytes come, and that it always
// gets on.
func FuzzFrameScanner(f *testing.F) {
	f.Add(frame(0x81, true, 5), uint8(1))
	f.Add(append(frame(0x01, false, 200), frame(0x80, false, 3)...), uint8(3))
	f.Add(frame(0x88, false, 2), uint8(2))
	f.Add([]byte{0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0, 1}, uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		var whole, pieces frameScanner
		feed := func(s *frameScanner, p []byte) {
			for len(p) > 0 {
				n := s.step(p)
				if n < 1 || n > len(p) {
					t.Fatalf("step of %d bytes: %d", len(p), n)
				}
				p = p[n:]
			}
		}
		feed(&whole, data)
		for rest := data; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			feed(&pieces, rest[:n])
			rest = rest[n:]
		}
		whole.header, pieces.header = [14]byte{}, [14]byte{}
		if whole != pieces {
			t.Errorf("at once %+v, in pieces %+v", whole, pieces)
		}
	})
}
