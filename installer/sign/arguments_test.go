package sign

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{"a": "a", "a\n": "a", "a\r\nb\n": "a", "": "", "\n": "", "a\rb": "a\rb", " a ": " a "} {
		if got := string(firstLine([]byte(text))); got != want {
			t.Errorf("firstLine(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		o          Options
		want       string
	}{
		{"PEM", "x.exe", Options{Cert: "c", Key: "k", Chain: []string{"a", "b"}}, "sign -h sha256 -certs c -key k -readpass P -ac a -ac b -in x.exe -out O"},
		{"PFX", "x.MSI", Options{PFX: "p", Description: "d", URL: "u"}, "sign -h sha256 -pkcs12 p -readpass P -n d -i u -add-msi-dse -in x.MSI -out O"},
		{
			"token", "x.msi",
			Options{Cert: "c", PKCS11: PKCS11{Module: "m", Engine: "e", Key: "pkcs11:object=k"}, Timestamp: []string{"http://t"}},
			"sign -h sha256 -pkcs11engine e -pkcs11module m -certs c -key pkcs11:object=k -ts http://t -add-msi-dse -in x.msi -out O",
		},
		{
			"all in the token", "x.exe",
			Options{PKCS11: PKCS11{Module: "m", Key: "pkcs11:object=k", Cert: "pkcs11:object=c"}},
			"sign -h sha256 -pkcs11module m -pkcs11cert pkcs11:object=c -key pkcs11:object=k -in x.exe -out O",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.o.Check(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), tt.o.arguments(tt.file, "O", "P")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
