package guid_test

import (
	"strings"
	"testing"

	"holdfast/installer/guid"
)

func TestDerive(t *testing.T) {
	// RFC 9562, appendix A.4.
	if got, want := guid.DNS.Derive("www.example.com"), guid.GUID("{2ED6657D-E927-568B-95E1-2665A8AEA6A2}"); got != want {
		t.Errorf("DNS.Derive = %s, want %s", got, want)
	}
	if guid.DNS.Derive("a") == guid.URL.Derive("a") {
		t.Error("two name spaces share a GUID")
	}
}

func TestRandom(t *testing.T) {
	a, b := guid.Random(), guid.Random()
	if a == b {
		t.Errorf("twice the same: %s", a)
	}
	if a[15] != '4' || !strings.ContainsRune("89AB", rune(a[20])) {
		t.Errorf("%s is not of version 4 and the variant of the RFC", a)
	}
}

func TestParse(t *testing.T) {
	const want = guid.GUID("{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}")
	for _, good := range []string{string(want), strings.ToLower(string(want)), want.Bare()} {
		if got, err := guid.Parse(good); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", "{}", "{", "5B39C1B5", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F", "5B39C1B538E74D67A6A32A2B3C4D5E6F",
		"{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6G}", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F} ", "{{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}}",
		"5B39C1B53-8E7-4D67-A6A3-2A2B3C4D5E6F",
	} {
		if got, err := guid.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}")
	f.Add("5b39c1b5-38e7-4d67-a6a3-2a2b3c4d5e6f")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := guid.Parse(s)
		if err != nil {
			return
		}
		if again, err := guid.Parse(string(g)); err != nil || again != g {
			t.Errorf("Parse(Parse(%q)) = %q, %v; want %q", s, again, err, g)
		}
		if len(g) != 38 || len(g.Bare()) != 36 {
			t.Errorf("Parse(%q) = %q", s, g)
		}
	})
}
