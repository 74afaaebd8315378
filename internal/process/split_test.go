package process

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func split(pieces ...string) []string {
	var s splitter
	var lines []string
	emit := func(line []byte) { lines = append(lines, string(line)) }
	for _, p := range pieces {
		s.feed([]byte(p), emit)
	}
	s.flush(emit)
	return lines
}

func TestSplitter(t *testing.T) {
	long := strings.Repeat("a", maxLine)
	for _, tt := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"empty lines", []string{"\n\n"}, []string{"", ""}},
		{"pieces", []string{"a", "b", "c\nd", "\n"}, []string{"abc", "d"}},
		{"line end of Windows", []string{"a\r", "\nb\r\n"}, []string{"a", "b"}},
		{"no end", []string{"a\nb"}, []string{"a", "b"}},
		{"longest", []string{long + "\n"}, []string{long}},
		{"too long", []string{long + "b\n"}, []string{long, "b"}},
		{"much too long", []string{long + long, "b\n"}, []string{long, long, "b"}},
		{"character at the bound", []string{long[1:] + "ü\n"}, []string{long[1:], "ü"}},
		{"character at the bound in pieces", []string{long[1:], "\xc3", "\xbc\n"}, []string{long[1:], "ü"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := split(tt.in...); !cmp.Equal(got, tt.want) {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"), uint16(2), uint16(3))
	f.Add([]byte(strings.Repeat("x", maxLine-1)+"ü\n"), uint16(maxLine), uint16(1))
	f.Add([]byte(strings.Repeat("\x80", 2*maxLine)+"\r\n"), uint16(5), uint16(7))
	f.Fuzz(func(t *testing.T, data []byte, a, b uint16) {
		if len(data) < maxLine/2 && bytes.IndexByte(data, '\n') < 0 {
			data = bytes.Repeat(data, 1+2*maxLine/max(1, len(data))) // reach the bound
		}
		i := int(a) % (len(data) + 1)
		j := i + int(b)%(len(data)-i+1)
		whole := split(string(data))
		pieces := split(string(data[:i]), string(data[i:j]), string(data[j:]))
		if !cmp.Equal(whole, pieces) {
			t.Fatalf("lines depend on the pieces: %d and %d", len(whole), len(pieces))
		}
		var got int
		for _, line := range whole {
			got += len(line)
			if len(line) > maxLine || strings.Contains(line, "\n") {
				t.Fatalf("bad line of %d bytes", len(line))
			}
		}
		if lost := len(data) - bytes.Count(data, []byte{'\n'}) - got; lost < 0 || lost > bytes.Count(data, []byte{'\r'}) {
			t.Fatalf("%d bytes lost", lost)
		}
	})
}

func TestSanitize(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext":              "plain\ttext",
		"größe 中文 🙂":               "größe 中文 🙂",
		"nul \x00 bell \a del\x7f": `nul \x00 bell \x07 del\x7f`,
		"\x1b[1;31mred\x1b[0m!":    "red!",
		"\x1b[2Jgone\x1b]0;x\a":    `\x1b[2Jgone\x1b]0;x\x07`,
		"\x1b[31":                  `\x1b[31`,
		"bad \xff\xc3 end\xe4\xb8": "bad \ufffd\ufffd end\ufffd\ufffd",
		"c1 \u009b31m":             `c1 \u009b31m`,
		"50%\r100%":                `50%\r100%`,
		"user\u202eexe.txt":        `user\u202eexe.txt`,
		"sep\u2028x":               `sep\u2028x`,
	} {
		if got := string(sanitize(nil, []byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzSanitize(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x00\xff\u202e"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := sanitize(nil, data)
		if !utf8.Valid(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range string(got) {
			if unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Bidi_Control, r) && r != 0x061c {
				t.Fatalf("%q holds %U", got, r)
			}
		}
		if again := sanitize(nil, got); !bytes.Equal(again, got) {
			t.Fatalf("%q, again %q", got, again)
		}
	})
}

func TestPlainStopsAtTheRightByte(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			line := bytes.Repeat([]byte{'a'}, 17)
			line[at] = byte(c)
			want := at
			if c >= ' ' && c < 0x7f || c == '\t' {
				want = len(line)
			}
			if got := plain(line); got != want {
				t.Fatalf("byte %#x at %d: stopped at %d", c, at, got)
			}
		}
	}
}
