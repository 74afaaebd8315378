package process

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// decoded are the lines of what a child wrote in these pieces.
func decoded(c charset, pieces ...string) []string {
	o := NewOutput(OutputOptions{})
	o.charset = c
	var split splitter
	for _, p := range pieces {
		o.ingest(stdout, &split, []byte(p))
	}
	o.flush(stdout, &split)
	var lines []string
	for _, l := range o.Tail(tailLines) {
		lines = append(lines, l.Text)
	}
	return lines
}

// bytewise are the bytes of text one by one.
func bytewise(text string) []string {
	pieces := make([]string, len(text))
	for i := range len(text) {
		pieces[i] = text[i : i+1]
	}
	return pieces
}

func encode(tb testing.TB, enc encoding.Encoding, text string) string {
	tb.Helper()
	out, err := enc.NewEncoder().String(text)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func TestEncodings(t *testing.T) {
	const text = "服务器已启动\r\n端口 20001\nready\n"
	want := []string{"服务器已启动", "端口 20001", "ready"}
	west := []string{"Grüße", "fin"}
	gbk := systemEncodings{oem: simplifiedchinese.GBK, ansi: simplifiedchinese.GBK}
	german := systemEncodings{oem: charmap.CodePage850, ansi: charmap.Windows1252}
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for _, tt := range []struct {
		name string
		set  string
		sys  systemEncodings
		in   string
		want []string
	}{
		{"UTF-8", "auto", systemEncodings{}, text, want},
		{"UTF-8 on a Chinese Windows", "auto", gbk, text, want},
		{"UTF-8 with its mark", "auto", gbk, "\xEF\xBB\xBF" + text, want},
		{"GBK on a Chinese Windows", "auto", gbk, encode(t, simplifiedchinese.GBK, text), want},
		{"both in one stream", "auto", gbk, encode(t, simplifiedchinese.GBK, "服务\n") + "器\n", []string{"服务", "器"}},
		{"OEM", "auto", german, encode(t, charmap.CodePage850, "Grüße\nfin\n"), west},
		{"OEM by name", "oem", german, encode(t, charmap.CodePage850, "Grüße\nfin\n"), west},
		{"ANSI by name", "ansi", german, encode(t, charmap.Windows1252, "Grüße\nfin\n"), west},
		{"GBK by name", "gbk", systemEncodings{}, encode(t, simplifiedchinese.GBK, text), want},
		{"GB18030 by name", "gb18030", systemEncodings{}, encode(t, simplifiedchinese.GB18030, "𠮷野家\n"), []string{"𠮷野家"}},
		{"UTF-16 with its mark", "auto", gbk, "\xFF\xFE" + encode(t, little, text), want},
		{"UTF-16, high byte first, with its mark", "auto", gbk, "\xFE\xFF" + encode(t, big, text), want},
		{"UTF-16 of Latin letters without a mark", "auto", gbk, encode(t, little, "OK 服务器\nok\n"), []string{"OK 服务器", "ok"}},
		{"UTF-16, high byte first, of Latin letters without a mark", "auto", gbk, encode(t, big, "OK 服务器\nok\n"), []string{"OK 服务器", "ok"}},
		{"UTF-16 by name", "utf-16le", gbk, encode(t, little, text), want},
		{"UTF-16, high byte first, by name", "utf-16be", gbk, encode(t, big, text), want},
		{"half a character at the end", "utf-16le", gbk, encode(t, little, "ab\n") + "c", []string{"ab", "\uFFFD"}},
		{"a pair of UTF-16", "auto", gbk, "\xFF\xFE" + encode(t, little, "a😀b\n"), []string{"a😀b"}},
		{"nothing known of the system", "auto", systemEncodings{}, "Gr\xFC\xDFe\n", []string{"Gr\uFFFD\uFFFDe"}},
		{"short", "auto", gbk, "a", []string{"a"}},
		{"an empty line first", "auto", gbk, "\nab\n", []string{"", "ab"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := charsetOf(tt.set, tt.sys)
			if diff := cmp.Diff(tt.want, decoded(c, tt.in)); diff != "" {
				t.Errorf("in one piece (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, decoded(c, bytewise(tt.in)...)); diff != "" {
				t.Errorf("byte by byte (-want +got):\n%s", diff)
			}
		})
	}
}

// A line longer than the bound is cut between characters, in whichever encoding it came.
func TestLongLineOfGBK(t *testing.T) {
	text := strings.Repeat("服", maxLine/3+100)
	got := decoded(charsetOf("gbk", systemEncodings{}), encode(t, simplifiedchinese.GBK, text)+"\n")
	if strings.Join(got, "") != text || len(got) != 2 {
		t.Errorf("%d lines, whole %v", len(got), strings.Join(got, "") == text)
	}
}

// Every word of output.encoding stands for something.
func TestEncodingNames(t *testing.T) {
	sys := systemEncodings{oem: charmap.CodePage437, ansi: charmap.Windows1252}
	for _, name := range []string{
		"oem", "ansi", "utf-16le", "utf-16be", "gbk", "gb18030", "big5", "shift_jis", "euc-kr",
		"cp437", "cp850", "cp866", "windows-1251", "windows-1252",
	} {
		if charsetOf(name, sys).whole == nil {
			t.Errorf("%s is not known", name)
		}
	}
	for _, page := range []uint32{437, 850, 852, 855, 858, 860, 862, 863, 865, 866, 874, 932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258, 54936} {
		if enc, ok := codePage(page); !ok || enc == nil {
			t.Errorf("code page %d is not known", page)
		}
	}
	if _, ok := codePage(857); ok {
		t.Error("code page 857 is said to be known")
	}
}

func TestSingleByte(t *testing.T) {
	var table singleByte
	for b := range table {
		table[b] = rune(b)
	}
	table[0x8D] = 'ı'
	if diff := cmp.Diff([]string{"a ı"}, decoded(charset{fallback: &table}, "a \x8D\n")); diff != "" {
		t.Error(diff)
	}
	long := strings.Repeat("\x8D", 3<<10)
	if diff := cmp.Diff([]string{strings.Repeat("ı", 3<<10)}, decoded(charset{whole: &table}, long+"\n")); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("auto", []byte("\xFF\xFEa\x00\n\x00"), uint16(3))
	f.Add("gbk", []byte("\xB7\xFE\xCE\xF1\n"), uint16(1))
	f.Add("utf-16be", []byte("\xD8\x42\xDF\xB7\x00\n"), uint16(3))
	f.Add("auto", []byte("Gr\x81\xE1e\n"), uint16(0))
	f.Fuzz(func(t *testing.T, set string, data []byte, at uint16) {
		c := charsetOf(set, systemEncodings{oem: simplifiedchinese.GBK, ansi: charmap.Windows1252})
		cut := int(at) % (len(data) + 1)
		whole := decoded(c, string(data))
		for _, line := range whole {
			if !utf8.ValidString(line) {
				t.Fatalf("%q is not UTF-8", line)
			}
		}
		if pieces := decoded(c, string(data[:cut]), string(data[cut:])); !cmp.Equal(whole, pieces) {
			t.Errorf("cut at %d: %s", cut, cmp.Diff(whole, pieces))
		}
	})
}
