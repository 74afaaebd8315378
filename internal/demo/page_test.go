package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIndexSpeaksTheReadersLanguage(t *testing.T) {
	r := start(t, Options{Instance: "demo-1"})
	for language, want := range map[string]string{"zh-CN,zh;q=0.9,en;q=0.8": "应答者", "en-GB": "Answered by", "": "Answered by"} {
		got := r.do(t, "GET", "/", http.Header{"Accept-Language": {language}})
		if got.code != http.StatusOK || !strings.Contains(got.body, want) || !strings.Contains(got.body, "demo-1") {
			t.Errorf("Accept-Language %q: %d without %q", language, got.code, want)
		}
	}
}

func TestPageHasEveryWord(t *testing.T) {
	var keys [2][]string
	for i, language := range []string{"en", "zh"} {
		words, err := wordsOf(language)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = slices.Sorted(maps.Keys(words))
		got, err := New(Options{Instance: "x"}).render(language, "crash", "demo-1")
		if err != nil {
			t.Fatal(err)
		}
		if left := regexp.MustCompile(`\{\{?[a-z_]+\}?\}`).FindAllString(got, -1); left != nil {
			t.Errorf("%s: not filled in: %v", language, left)
		}
	}
	if diff := cmp.Diff(keys[0], keys[1]); diff != "" {
		t.Errorf("en and zh have different words (-en +zh):\n%s", diff)
	}
}

func TestPageEscapesWhatStrangersWrite(t *testing.T) {
	got, err := New(Options{Instance: `<script>"`}).render("en", "crash", `<img src=x>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{`<script>"`, `<img src=x>`} {
		if strings.Contains(got, raw) {
			t.Errorf("%s reached the page unescaped", raw)
		}
	}
}

func TestAssets(t *testing.T) {
	r := start(t, Options{})
	for file, want := range map[string]string{"demo.css": "text/css", "demo.js": "text/javascript"} {
		got := r.do(t, "GET", "/assets/"+file, nil)
		if kind := got.header.Get("Content-Type"); got.code != http.StatusOK || !strings.HasPrefix(kind, want) {
			t.Errorf("%s: %d %q, want 200 %s", file, got.code, kind, want)
		}
	}
	for _, file := range []string{"en.json", "index.html", "none.css", "..%2f..%2fdemo.go"} {
		if got := r.do(t, "GET", "/assets/"+file, nil); got.code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", file, got.code)
		}
	}
}

func TestPreferred(t *testing.T) {
	for header, want := range map[string]string{
		"":                          "en",
		"zh":                        "zh",
		"zh-Hans-CN":                "zh",
		"en,zh":                     "en",
		"en;q=0.5, zh;q=0.6":        "zh",
		"zh;q=0":                    "en",
		"fr,de;q=0.9,zh-TW;q=0.1":   "zh",
		"zh;q=2":                    "en",
		"zh;q=NaN":                  "en",
		" ZH ; q=1 , EN;q=0.999 ,,": "zh",
	} {
		if got := preferred(header); got != want {
			t.Errorf("preferred(%q) = %s, want %s", header, got, want)
		}
	}
}

func FuzzPreferred(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9,en;q=0.8")
	f.Add(";;q=,,zh;q=1e999")
	f.Fuzz(func(t *testing.T, header string) {
		if got := preferred(header); got != "en" && got != "zh" {
			t.Errorf("preferred(%q) = %q", header, got)
		}
	})
}

// TestSiteNamesItsAssetsByContent keeps the promise that a name with a hash makes: its content
// never changes.
func TestSiteNamesItsAssetsByContent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if err := WriteSite(dir); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	assets := 0
	err = fs.WalkDir(os.DirFS(dir), "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		assets++
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		parts := strings.Split(path.Base(name), ".")
		if want := hex.EncodeToString(sum[:])[:12]; len(parts) != 3 || parts[1] != want {
			t.Errorf("%s: its content's hash is %s: rename it", name, want)
		}
		if !bytes.Contains(index, []byte(name)) {
			t.Errorf("index.html does not refer to %s", name)
		}
		return nil
	})
	if err != nil || assets == 0 {
		t.Fatalf("%d assets, %v", assets, err)
	}
}
