package metadata

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files")

// described is the sample as a package that was read.
func described(t *testing.T, change map[string]string) *Package {
	t.Helper()
	p, err := describe(sample(t, change))
	if err != nil {
		t.Fatal(err)
	}
	p.File, p.Size, p.SHA256 = "shop-"+p.Version+"-"+p.Arch+".msi", 14200000, strings.Repeat("0123456789abcdef", 4)
	return p
}

func arm() map[string]string {
	return map[string]string{"Template": "Arm64;1033", "ProductCode": "{493E6CAB-4AD6-5625-9F92-EA1A04D877B3}"}
}

func TestDescribe(t *testing.T) {
	file := newPackage(t, "shop-2.1.0-x64.msi")
	p, err := Describe(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	want := described(t, nil)
	want.Size, want.SHA256 = p.Size, p.SHA256
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"DATADIR", "HF_ACCOUNT", "HF_PORT", "INSTALLDIR"}, p.Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	data, _ := os.ReadFile(file)
	if sum, size, err := hash(bytes.NewReader(data)); err != nil || sum != p.SHA256 || size != p.Size {
		t.Errorf("hash %s of %d bytes, want %s of %d", p.SHA256, p.Size, sum, size)
	}
	bad := filepath.Join(t.TempDir(), `shop" & calc.msi`)
	if err := os.WriteFile(bad, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Describe(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "rename it") {
		t.Errorf("%s: %v", bad, err)
	}
	if _, err := Describe(t.Context(), "none.msi"); err == nil {
		t.Error("a package that is not there is described")
	}
}

func TestDescribeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"no name":             {map[string]string{"ProductName": ""}, "ProductName"},
		"name of two lines":   {map[string]string{"ProductName": "a\r\nb"}, "ProductName"},
		"name turned around":  {map[string]string{"ProductName": "a\u202eb"}, "ProductName"},
		"no manufacturer":     {map[string]string{"Manufacturer": ""}, "Manufacturer"},
		"comments":            {map[string]string{"ARPCOMMENTS": "a\nb"}, "ARPCOMMENTS"},
		"help of a script":    {map[string]string{"ARPHELPLINK": "javascript:x"}, "ARPHELPLINK"},
		"version":             {map[string]string{"ProductVersion": "2.1.0'; calc"}, "ProductVersion"},
		"product code":        {map[string]string{"ProductCode": "{x}"}, "ProductCode"},
		"upgrade code":        {map[string]string{"UpgradeCode": ""}, "UpgradeCode"},
		"per user":            {map[string]string{"ALLUSERS": "2"}, "per machine"},
		"32 bits":             {map[string]string{"Template": "Intel;1033"}, "neither for x64"},
		"language":            {map[string]string{"ProductLanguage": "1031"}, "ProductLanguage"},
		"no service":          {map[string]string{"Service": ""}, "no package of Holdfast"},
		"service as a script": {map[string]string{"Service": "a'; calc"}, "service"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := describe(sample(t, tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestGolden(t *testing.T) {
	options := Options{URL: "https://example.com/releases/2.1.0/", License: "MIT"}
	files, notes, err := All([]*Package{described(t, nil), described(t, arm())}, options)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	local, _, err := Chocolatey([]*Package{described(t, nil)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	local[1].Name = "chocolatey/local/" + filepath.Base(local[1].Name)
	files = append(files, local[1])
	want := map[string]bool{}
	for _, f := range files {
		golden := filepath.Join("testdata", filepath.FromSlash(f.Name))
		want[golden] = true
		if *update {
			if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(golden)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(data), string(f.Data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if err := filepath.WalkDir("testdata", func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !want[path] && !strings.HasPrefix(path, filepath.Join("testdata", "fuzz")) {
			t.Errorf("%s is no longer made", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAll(t *testing.T) {
	if _, notes, err := All([]*Package{described(t, nil)}, Options{}); err != nil || len(notes) != 2 || !strings.Contains(notes[0], "winget") || !strings.Contains(notes[1], "chocolatey/tools") {
		t.Errorf("without a URL: %v, %q", err, notes)
	}
	if _, notes, err := All([]*Package{described(t, arm())}, Options{URL: "https://example.com"}); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "arm64") {
		t.Errorf("only arm64: %v, %q", err, notes)
	}
	other := described(t, map[string]string{"ProductVersion": "2.2.0", "Template": "Arm64;1033"})
	for name, packages := range map[string][]*Package{
		"none": {}, "twice the same": {described(t, nil), described(t, nil)}, "two versions": {described(t, nil), other},
	} {
		if _, _, err := All(packages, Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, o := range []Options{
		{URL: "http://example.com"},
		{URL: "https://example.com/'; calc"},
		{URL: "https://example.com/?a=b"},
		{URL: "example.com"},
		{URL: "https://example.com", Identifier: "Acme"},
		{URL: "https://example.com", Identifier: "Acme/../x.y"},
		{URL: "https://example.com", Identifier: "a b.c"},
		{URL: "https://example.com", Identifier: "Acme.\u202eShop"},
		{License: "a\nb"},
		{Description: "a\x00"},
	} {
		if _, _, err := All([]*Package{described(t, nil)}, o); err == nil {
			t.Errorf("%+v: accepted", o)
		}
	}
}

// Names that would end a string in one of the formats.
func hostile() []string {
	return []string{
		`Shop'; Start-Process calc; '`, "Shop’; Start-Process calc; ‘", "Shop‛); calc #", `Shop" & calc & "`, "Shop$(calc)`n$env:PATH", `Shop</title><script>`,
		`]]>&entity; <!-- -->`, "Shop: yes # no", "- !!python/object", "{{ x }} %PATH% *[a-z]?", `\u0027\`, "商店 ümläut 😀", "#{x}", "@{a=1}", "true", "1.0", "~",
	}
}

func TestHostileNames(t *testing.T) {
	for _, name := range hostile() {
		t.Run(name, func(t *testing.T) {
			p := described(t, map[string]string{"ProductName": name, "Manufacturer": name, "ARPCOMMENTS": name})
			files, _, err := All([]*Package{p}, Options{URL: "https://example.com", Identifier: "Acme.Shop", License: name, Description: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				check(t, f, name)
			}
		})
	}
}

// check parses a file and wants the name in it as it was.
func check(t *testing.T, f File, name string) {
	t.Helper()
	var found bool
	find := func(v any) { found = found || contains(v, name) }
	switch filepath.Ext(f.Name) {
	case ".yaml":
		var v any
		if err := yaml.Unmarshal(f.Data, &v); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		find(v)
		found = found || strings.HasSuffix(f.Name, "Acme.Shop.yaml") // which has no texts
	case ".json":
		var v any
		if err := json.Unmarshal(f.Data, &v); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		find(v)
	case ".nuspec":
		d := xml.NewDecoder(bytes.NewReader(f.Data))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if text, ok := token.(xml.CharData); ok {
				find(string(text))
			}
		}
	case ".ps1":
		texts := strings.Split(outside(t, string(f.Data)), "\n")
		for _, line := range texts {
			if strings.Contains(line, "calc") || strings.Contains(line, "PATH") || strings.Contains(line, "script") {
				t.Errorf("%s: outside of its strings: %s", f.Name, line)
			}
		}
		found = true
	}
	if !found {
		t.Errorf("%s does not hold %q as it is:\n%s", f.Name, name, f.Data)
	}
}

func contains(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		for _, e := range v {
			if contains(e, text) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if contains(e, text) {
				return true
			}
		}
	}
	return false
}

// outside is what of a PowerShell script is no string, read as PowerShell does: a single quote of any
// kind begins and ends a string, and two of them within one are a quote.
func outside(t *testing.T, script string) string {
	t.Helper()
	var b strings.Builder
	runes, in := []rune(script), false
	isQuote := func(r rune) bool { return strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) }
	for i := 0; i < len(runes); i++ {
		switch {
		case in && isQuote(runes[i]) && i+1 < len(runes) && isQuote(runes[i+1]):
			i++
		case isQuote(runes[i]):
			in = !in
		case !in:
			if strings.ContainsRune("\"\u201c\u201d\u201e", runes[i]) {
				t.Errorf("a string that expands variables: %s", script)
			}
			b.WriteRune(runes[i])
		}
	}
	if in {
		t.Errorf("a string without an end: %s", script)
	}
	return b.String()
}

func FuzzQuote(f *testing.F) {
	for _, name := range hostile() {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if rest := outside(t, "x = "+quote(s)+" y"); rest != "x =  y" {
			t.Errorf("%q leaves %q outside", s, rest)
		}
	})
}

func FuzzLong(f *testing.F) {
	f.Add("SHORT|long:OTHER|source")
	f.Fuzz(func(t *testing.T, s string) {
		if got := long(s); strings.ContainsAny(got, ":") || len(got) > len(s) {
			t.Errorf("long(%q) = %q", s, got)
		}
	})
}
