package process

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charset is how a child encodes what it writes.
type charset struct {
	// whole decodes the stream before it is cut into lines; nil is UTF-8.
	whole encoding.Encoding
	// sniff looks at the first bytes for UTF-16 and the mark of UTF-8.
	sniff bool
	// fallback decodes lines that are not UTF-8; nil leaves them to sanitize. A stream may mix both: a
	// batch file writes the system's code page and starts programs that write UTF-8.
	fallback encoding.Encoding
}

// charsetOf is the charset of the configuration's output.encoding; sys has the system's own encodings.
func charsetOf(name string, sys systemEncodings) charset {
	switch name {
	case "", "auto":
		return charset{sniff: true, fallback: sys.oem}
	case "utf-8":
		return charset{}
	case "oem":
		return charset{whole: sys.oem}
	case "ansi":
		return charset{whole: sys.ansi}
	case "utf-16le":
		return charset{whole: wide(unicode.LittleEndian)}
	case "utf-16be":
		return charset{whole: wide(unicode.BigEndian)}
	default:
		return charset{whole: encodingOf(name)}
	}
}

// systemEncodings are those of the machine; nil is UTF-8 or unknown.
type systemEncodings struct {
	oem, ansi encoding.Encoding
}

func wide(order unicode.Endianness) encoding.Encoding { return unicode.UTF16(order, unicode.UseBOM) }

// encodingOf knows the names of output.encoding and the usual ones of POSIX locales; nil is UTF-8 or
// unknown.
func encodingOf(name string) encoding.Encoding {
	switch name {
	case "", "utf-8", "utf8":
		return nil
	case "cp437":
		return charmap.CodePage437
	case "cp850":
		return charmap.CodePage850
	case "eucjp", "euckr":
		name = "euc-" + name[3:]
	case "euccn", "euc-cn":
		name = "gbk"
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil
	}
	return enc
}

// sniffed is how many bytes are looked at before a stream's first line.
const sniffed = 4

// sniffStream tells UTF-16 by its mark or by the zero bytes of Latin letters, and how many bytes of a
// mark to leave out. Enough is false when more bytes could change the verdict.
func sniffStream(head []byte) (enc encoding.Encoding, mark int, enough bool) {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return wide(unicode.LittleEndian), 2, true
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return wide(unicode.BigEndian), 2, true
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return nil, 3, true
	case len(head) < sniffed:
		return nil, 0, bytes.IndexByte(head, '\n') > 0 && bytes.IndexByte(head, 0) < 0
	case head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return wide(unicode.LittleEndian), 0, true
	case head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return wide(unicode.BigEndian), 0, true
	default:
		return nil, 0, true
	}
}

// decoder turns a stream of another encoding into UTF-8, whatever the pieces in which it arrives.
type decoder struct {
	t     transform.Transformer
	carry []byte // the beginning of a character whose rest has not come yet
	dst   [1 << 10]byte
}

func newDecoder(enc encoding.Encoding) *decoder { return &decoder{t: enc.NewDecoder()} }

// feed calls emit with pieces of UTF-8; each is valid during the call only. At the end it gives back
// what an unfinished character is, too.
func (d *decoder) feed(p []byte, end bool, emit func(text []byte)) {
	if len(d.carry) > 0 {
		p = append(d.carry, p...)
		d.carry = nil
	}
	for {
		n, used, err := d.t.Transform(d.dst[:], p, end)
		if n > 0 {
			emit(d.dst[:n])
		}
		p = p[used:]
		switch {
		case errors.Is(err, transform.ErrShortDst):
		case errors.Is(err, transform.ErrShortSrc) && !end:
			d.carry = bytes.Clone(p)
			return
		default:
			return
		}
	}
}

// recode is a line that is not UTF-8, decoded by enc; dst is its room.
func recode(dst []byte, enc encoding.Encoding, line []byte) []byte {
	t := enc.NewDecoder()
	dst = dst[:0]
	for {
		if cap(dst)-len(dst) < utf8.UTFMax+len(line)/2 {
			dst = append(dst, make([]byte, 2*len(line)+utf8.UTFMax)...)[:len(dst)]
		}
		n, used, err := t.Transform(dst[len(dst):cap(dst)], line, true)
		dst, line = dst[:len(dst)+n], line[used:]
		if !errors.Is(err, transform.ErrShortDst) {
			return dst
		}
	}
}

// codePage is the encoding of a Windows code page; ok is false for one that is not known here.
func codePage(n uint32) (enc encoding.Encoding, ok bool) {
	switch n {
	case 65001:
		return nil, true
	case 437:
		return charmap.CodePage437, true
	case 850:
		return charmap.CodePage850, true
	case 852:
		return charmap.CodePage852, true
	case 855:
		return charmap.CodePage855, true
	case 858:
		return charmap.CodePage858, true
	case 860:
		return charmap.CodePage860, true
	case 862:
		return charmap.CodePage862, true
	case 863:
		return charmap.CodePage863, true
	case 865:
		return charmap.CodePage865, true
	case 866:
		return charmap.CodePage866, true
	case 874:
		return charmap.Windows874, true
	case 932:
		return japanese.ShiftJIS, true
	case 936:
		return simplifiedchinese.GBK, true
	case 949:
		return korean.EUCKR, true
	case 950:
		return traditionalchinese.Big5, true
	case 1250:
		return charmap.Windows1250, true
	case 1251:
		return charmap.Windows1251, true
	case 1252:
		return charmap.Windows1252, true
	case 1253:
		return charmap.Windows1253, true
	case 1254:
		return charmap.Windows1254, true
	case 1255:
		return charmap.Windows1255, true
	case 1256:
		return charmap.Windows1256, true
	case 1257:
		return charmap.Windows1257, true
	case 1258:
		return charmap.Windows1258, true
	case 54936:
		return simplifiedchinese.GB18030, true
	default:
		return nil, false
	}
}

// singleByte is a code page of one byte a character that only the system knows.
type singleByte [256]rune

// NewDecoder implements encoding.Encoding.
func (s *singleByte) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: singleByteDecoder{s: s}}
}

// NewEncoder implements encoding.Encoding; nothing here encodes.
func (s *singleByte) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }

type singleByteDecoder struct {
	transform.NopResetter
	s *singleByte
}

// Transform implements transform.Transformer.
func (d singleByteDecoder) Transform(dst, src []byte, _ bool) (n, used int, err error) {
	for _, b := range src {
		if len(dst)-n < utf8.UTFMax {
			return n, used, transform.ErrShortDst
		}
		n += utf8.EncodeRune(dst[n:], d.s[b])
		used++
	}
	return n, used, nil
}
