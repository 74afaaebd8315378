package assets_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"image/png"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/assets"
)

var update = flag.Bool("update", false, "write licence.rtf from LICENSE")

func TestLicence(t *testing.T) {
	text, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	want := assets.RTF(string(text))
	if *update {
		if err := os.WriteFile("licence.rtf", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(assets.Licence())); diff != "" {
		t.Errorf("licence.rtf is not LICENSE; go test ./assets -update writes it (-want +got):\n%s", diff)
	}
	// A reader of its own, so that a mistake of the writer cannot hide: the same words, in order.
	if diff := cmp.Diff(strings.Fields(string(text)), strings.Fields(plain(t, string(assets.Licence())))); diff != "" {
		t.Errorf("words of LICENSE (-want +got):\n%s", diff)
	}
}

func TestRTF(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"paragraphs flow", "One\ntwo\n\nthree\n", `\pard\li0\sa120 One two\par` + "\n" + `\pard\li0\sa120 three\par`},
		{"many empty lines", "\n\n\nOne\n\n\n\nTwo\n\n", `\pard\li0\sa120 One\par` + "\n" + `\pard\li0\sa120 Two\par`},
		{"indentation", "   One\n   two", `\pard\li120\sa120 One two\par`},
		{"heading", "                    Licence\n                 Version 2", `\pard\qc\sa120 Licence\line Version 2\par`},
		{"Windows line ends", "One\r\ntwo\r\n\r\nthree", `\pard\li0\sa120 One two\par` + "\n" + `\pard\li0\sa120 three\par`},
		{"RTF's own signs", `a\b{c}`, `\pard\li0\sa120 a\\b\{c\}\par`},
		{"properties", "[INSTALLDIR]", `\pard\li0\sa120 \'5bINSTALLDIR\'5d\par`},
		{"beyond ASCII", "© 商店 😀", `\pard\li0\sa120 \u169? \u21830?\u24215? \u-10179?\u-8704?\par`},
		{"nothing", " \n\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(assets.RTF(tt.text))
			_, body, _ := strings.Cut(strings.TrimSuffix(got, "}\n"), "\n")
			if diff := cmp.Diff(tt.want, strings.TrimSpace(body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.ContainsAny(got, "[]") || strings.IndexFunc(got, func(r rune) bool { return r > 0x7E }) >= 0 {
				t.Errorf("not plain: %q", got)
			}
			if tt.want != "" {
				if diff := cmp.Diff(strings.Fields(tt.text), strings.Fields(plain(t, got))); diff != "" {
					t.Errorf("read back (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// plain reads the little RTF that is written here: groups in the head, control words, escapes.
func plain(t *testing.T, rtf string) string {
	t.Helper()
	_, body, found := strings.Cut(rtf, `\fs16`)
	if !found || !strings.HasPrefix(rtf, `{\rtf1`) || !strings.HasSuffix(rtf, "}\n") {
		t.Fatal("not an RTF file of ours")
	}
	body = strings.TrimSuffix(body, "}\n")
	token := regexp.MustCompile(`\\'([0-9a-f]{2})|\\u(-?\d+)\?|\\([\\{}])|\\([a-z]+)(-?\d+)? ?|\n`)
	var surrogate rune
	return token.ReplaceAllStringFunc(body, func(s string) string {
		m := token.FindStringSubmatch(s)
		switch {
		case m[1] != "":
			n, _ := strconv.ParseUint(m[1], 16, 8)
			return string(rune(n))
		case m[2] != "":
			n, _ := strconv.Atoi(m[2])
			unit := rune(uint16(n))
			switch unit >> 10 {
			case 0xD800 >> 10:
				surrogate = unit
				return ""
			case 0xDC00 >> 10:
				return string((surrogate-0xD800)<<10 + (unit - 0xDC00) + 0x10000)
			}
			return string(unit)
		case m[3] != "":
			return m[3]
		}
		return "\n"
	})
}

// The pictures of an icon are told in its directory
// (devblogs.microsoft.com/oldnewthing/20101018-00/?p=12513).
func TestIcon(t *testing.T) {
	ico := assets.Icon()
	if !bytes.HasPrefix(ico, []byte{0, 0, 1, 0}) {
		t.Fatal("not an icon")
	}
	var got []string
	for i := range int(binary.LittleEndian.Uint16(ico[4:])) {
		entry := ico[6+16*i:]
		size, at := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
		data := ico[at : at+size]
		width, height, kind := int(entry[0]), int(entry[1]), "bmp"
		if img, err := png.Decode(bytes.NewReader(data)); err == nil {
			width, height, kind = img.Bounds().Dx(), img.Bounds().Dy(), "png"
			if _, _, _, alpha := img.At(0, 0).RGBA(); alpha != 0 {
				t.Error("the large picture's corner is not transparent")
			}
		} else if w, h := binary.LittleEndian.Uint32(data[4:]), binary.LittleEndian.Uint32(data[8:]); int(w) != width || int(h) != 2*height {
			t.Errorf("picture %d: %d by %d inside, %d by %d in the directory", i, w, h, width, height)
		}
		got = append(got, fmt.Sprintf("%s %dx%d %d", kind, width, height, binary.LittleEndian.Uint16(entry[6:])))
	}
	want := []string{
		"bmp 16x16 32", "bmp 20x20 32", "bmp 24x24 32", "bmp 32x32 32", "bmp 40x40 32", "bmp 48x48 32",
		"bmp 64x64 32", "png 256x256 32",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pictures (-want +got):\n%s", diff)
	}
}

// Windows Installer stretches a picture to its control, so that the size decides the sharpness.
func TestBitmaps(t *testing.T) {
	for name, tt := range map[string]struct {
		data          []byte
		width, height uint32
	}{
		"banner":     {assets.Banner(), 493, 58},
		"background": {assets.Background(), 493, 312},
	} {
		b := tt.data
		if !bytes.HasPrefix(b, []byte("BM")) || binary.LittleEndian.Uint32(b[14:]) != 40 {
			t.Fatalf("%s: not a BMP file of version 3", name)
		}
		width, height := binary.LittleEndian.Uint32(b[18:]), binary.LittleEndian.Uint32(b[22:])
		if width != tt.width || height != tt.height {
			t.Errorf("%s: %d by %d, want %d by %d", name, width, height, tt.width, tt.height)
		}
		if compression := binary.LittleEndian.Uint32(b[30:]); compression != 0 {
			t.Errorf("%s: it is compressed (%d)", name, compression)
		}
	}
}
