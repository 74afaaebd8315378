package transform_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sassoftware/relic/v8/lib/comdoc"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/msi/transform"
)

// content is the streams of a transform by the names that Windows gives them.
func content(t *testing.T, file string) (found map[string][]byte, class [16]byte) {
	t.Helper()
	doc, err := comdoc.ReadPath(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = doc.Close() }()
	entries, err := doc.ListDir(nil)
	if err != nil {
		t.Fatal(err)
	}
	found = map[string][]byte{}
	for _, e := range entries {
		r, err := doc.ReadStream(e)
		if err != nil {
			t.Fatal(err)
		}
		if found[e.Name()], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return found, doc.RootStorage().UID
}

// words are little-endian numbers of 16 bits.
func words(n ...uint16) []byte {
	var b []byte
	for _, w := range n {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return b
}

// The names are those that Windows gives these streams (the conformance test of Wine,
// dlls/msi/tests/db.c, has them as constants).
const (
	property   = "\u4840\u4559\u44f2\u4568\u4737"
	stringData = "\u4840\u3f3f\u4577\u446c\u3b6a\u45e4\u4824"
	stringPool = "\u4840\u3f3f\u4577\u446c\u3e6a\u44b2\u482f"
)

func TestWrite(t *testing.T) {
	db, dir := sample.New(t), t.TempDir()
	add(t, db, "Property", msi.Row{"HF_PORT", "8080"}) // one with a value in the package, one without
	file := filepath.Join(dir, "site.mst")
	err := transform.Write(t.Context(), db, map[string]string{"HF_PORT": "9090", "HF_CONFIG": "9090"}, file)
	if err != nil {
		t.Fatal(err)
	}
	got, class := content(t, file)
	delete(got, "\x05SummaryInformation")
	want := map[string][]byte{
		stringPool: words(0, 0, 9, 1, 7, 1, 4, 2),
		stringData: []byte("HF_CONFIGHF_PORT9090"),
		property:   words(0x0201, 1, 3, 0x0002, 2, 3),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if want := [16]byte{0x82, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}; class != want {
		t.Errorf("class %x, want %x", class, want)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// libmsi reads the file as one of its own.
func TestSummary(t *testing.T) {
	db, file := sample.New(t), filepath.Join(t.TempDir(), "site.mst")
	if err := transform.Write(t.Context(), db, map[string]string{"HF_PORT": "9090"}, file); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "msiinfo", "suminfo", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	product := db.Property("ProductCode") + db.Property("ProductVersion")
	for _, line := range []string{
		"Title: Transform",
		"Template: x64;1033",
		"Last author: x64;1033",
		"Revision number (UUID): " + product + ";" + product + ";" + db.Property("UpgradeCode"),
		"Version: 500 (1f4)",
		"Restrict: " + strconv.Itoa(0x0800_0000) + " (8000000)",
		"Security: 4 (4)",
	} {
		if !strings.Contains(string(out), line+"\n") {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
}

func TestWriteIsReproducible(t *testing.T) {
	var first []byte
	for i, zone := range []string{"UTC", "Asia/Shanghai"} {
		t.Setenv("TZ", zone)
		t.Setenv("MALLOC_PERTURB_", strconv.Itoa(i*77))
		db, file := sample.New(t), filepath.Join(t.TempDir(), "site.mst")
		if err := transform.Write(t.Context(), db, map[string]string{"HF_PORT": "9090", "HF_CONFIG": "C:\\site.yaml"}, file); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Errorf("the transform of %s differs", zone)
		}
	}
}

// Values longer than a small stream, and letters that need the package's code page.
func TestWriteLongAndForeignValues(t *testing.T) {
	db, file := sample.New(t), filepath.Join(t.TempDir(), "site.mst")
	long := strings.Repeat("ü", 5000)
	if err := transform.Write(t.Context(), db, map[string]string{"HF_CONFIG": long}, file); err != nil {
		t.Fatal(err)
	}
	got, _ := content(t, file)
	if pool := got[stringPool]; !bytes.Equal(pool, words(1252, 0, 9, 1, 5000, 1)) {
		t.Errorf("pool %x", pool)
	}
	if want := "HF_CONFIG" + strings.Repeat("\xfc", 5000); string(got[stringData]) != want {
		t.Errorf("%d bytes of strings, want %d", len(got[stringData]), len(want))
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		properties map[string]string
		want       []string // parts of the error; none: it is good
	}{
		"good":                         {map[string]string{"HF_PORT": "9090"}, nil},
		"none":                         {nil, []string{"there is nothing to change"}},
		"misspelt":                     {map[string]string{"HF_PROT": "9090"}, []string{"HF_PROT: the package takes no such property; it takes ", "HF_PORT"}},
		"private":                      {map[string]string{"ProductName": "x"}, []string{"ProductName: the package takes no such property"}},
		"what a search finds":          {map[string]string{"HF_OLDER": "x"}, []string{"HF_OLDER: the package takes no such property"}},
		"what a search remembers":      {map[string]string{"HF_PORT_OLD": "x"}, []string{"HF_PORT_OLD: the package takes no such property"}},
		"purge at every removal":       {map[string]string{"HF_PURGE": "1"}, []string{"HF_PURGE: Windows keeps a transform"}},
		"empty":                        {map[string]string{"HF_PORT": ""}, []string{"HF_PORT: an empty value"}},
		"too long":                     {map[string]string{"HF_PORT": strings.Repeat("x", 40000)}, []string{"HF_PORT: a value of 40000 bytes"}},
		"a line end":                   {map[string]string{"HF_PORT": "1\n2"}, []string{"HF_PORT: ", "control character"}},
		"letters of another page":      {map[string]string{"HF_PORT": "端口"}, []string{"HF_PORT: ", "code page 1252"}},
		"all problems at once":         {map[string]string{"HF_X": "1", "HF_PORT": ""}, []string{"HF_X: ", "HF_PORT: "}},
		"what the package will refuse": {map[string]string{"HF_PORT": "99999"}, []string{"the package refuses to install with these values", "HF_PORT"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := transform.Check(sample.New(t), tt.properties)
			if len(tt.want) == 0 && err != nil || len(tt.want) > 0 && err == nil {
				t.Fatalf("got %v", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in: %v", part, err)
				}
			}
		})
	}
}

func TestCheckNeedsAProduct(t *testing.T) {
	db := sample.New(t)
	db.Table("Property").Rows = nil
	if err := transform.Check(db, map[string]string{"HF_PORT": "1"}); err == nil || !strings.Contains(err.Error(), "UpgradeCode") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsWrittenInVain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.mst")
	if err := transform.Write(t.Context(), sample.New(t), map[string]string{"HF_PROT": "1"}, file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused transform was written: %v", err)
	}
}

func add(t *testing.T, db *msi.Database, table string, r msi.Row) {
	t.Helper()
	in, err := db.Ensure(table)
	if err != nil {
		t.Fatal(err)
	}
	in.Rows = append(in.Rows, r)
}
