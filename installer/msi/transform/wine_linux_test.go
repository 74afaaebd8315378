//go:build wine && linux

package transform_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/build/wine"
	"holdfast/installer/msi"
	"holdfast/installer/msi/transform"
)

// installable is a package without files that writes its properties into the registry, so that what an
// installation took for them can be read afterwards.
func installable(t *testing.T) *msi.Database {
	t.Helper()
	db := &msi.Database{
		Codepage: 1252,
		Summary: msi.Summary{
			Codepage: 1252, Title: "Installation Database", Subject: "Sample", Author: "Acme", Template: "x64;1033",
			Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Schema: 500, WordCount: 2, Security: 2,
		},
	}
	for table, rows := range map[string][]msi.Row{
		"Property": {
			{"ProductCode", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}"},
			{"UpgradeCode", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E60}"},
			{"ProductName", "Sample"},
			{"ProductVersion", "1.2.3"},
			{"ProductLanguage", "1033"},
			{"Manufacturer", "Acme"},
			{"ALLUSERS", "1"},
			{"HF_PORT", "8080"}, // changed; HF_ADDRESS is added; HF_OTHER stays
			{"HF_OTHER", "as it was"},
			{"SecureCustomProperties", "HF_ADDRESS;HF_OTHER;HF_PORT"},
		},
		"Directory":         {{"TARGETDIR", nil, "SourceDir"}},
		"Feature":           {{"Main", nil, nil, nil, 1, 1, "TARGETDIR", 0}},
		"Component":         {{"Settings", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E61}", "TARGETDIR", 4 + 256, nil, "Port"}},
		"FeatureComponents": {{"Main", "Settings"}},
		"Registry": {
			{"Port", 2, `SOFTWARE\Sample`, "Port", "[HF_PORT]", "Settings"},
			{"Address", 2, `SOFTWARE\Sample`, "Address", "[HF_ADDRESS]", "Settings"},
			{"Other", 2, `SOFTWARE\Sample`, "Other", "[HF_OTHER]", "Settings"},
		},
		"InstallExecuteSequence": {
			{"CostInitialize", nil, 800},
			{"FileCost", nil, 900},
			{"CostFinalize", nil, 1000},
			{"InstallValidate", nil, 1400},
			{"InstallInitialize", nil, 1500},
			{"ProcessComponents", nil, 1600},
			{"WriteRegistryValues", nil, 5000},
			{"RegisterProduct", nil, 6100},
			{"PublishFeatures", nil, 6300},
			{"PublishProduct", nil, 6400},
			{"InstallFinalize", nil, 6600},
		},
	} {
		in, err := db.Ensure(table)
		if err != nil {
			t.Fatal(err)
		}
		in.Rows = rows
	}
	return db
}

// An installation with the transform takes its values; one without takes those of the package.
func TestInstallWithTransform(t *testing.T) {
	p, err := wine.New(t.Context(), filepath.Join("..", "..", "..", "build", "out", "wine"), filepath.Join(t.TempDir(), "prefix"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the prefix: %v", err)
		}
	})
	db := installable(t)
	if err := msi.Write(t.Context(), db, p.Path("sample.msi"), nil); err != nil {
		t.Fatal(err)
	}
	if err := transform.Write(t.Context(), db, map[string]string{"HF_PORT": "9090", "HF_ADDRESS": "Größe 1"}, p.Path("site.mst")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want map[string]string
	}{
		{"without", nil, map[string]string{"Port": "8080", "Other": "as it was"}},
		{"with", []string{`TRANSFORMS=C:\site.mst`}, map[string]string{"Port": "9090", "Address": "Gr\x94\xe1e 1", "Other": "as it was"}},
		{"the command line wins", []string{`TRANSFORMS=C:\site.mst`, "HF_PORT=7070"}, map[string]string{"Port": "7070", "Address": "Gr\x94\xe1e 1"}},
	}
	for _, tt := range tests {
		args := append([]string{"/i", `C:\sample.msi`, "/qn", "/l*v", `C:\install.log`}, tt.args...)
		if out, err := p.Run(t.Context(), "msiexec", args...); err != nil {
			t.Fatalf("%s: %v: %s", tt.name, err, out)
		}
		out, err := p.Run(t.Context(), "reg", "query", `HKLM\SOFTWARE\Sample`, "/reg:64")
		if err != nil {
			t.Fatalf("%s: %v: %s", tt.name, err, out)
		}
		for name, value := range tt.want { // reg writes in the code page of the console, 437
			if !strings.Contains(out, name+"    REG_SZ    "+value+"\r\n") {
				t.Errorf("%s: %s is not %q in\n%s", tt.name, name, value, out)
			}
		}
		if out, err := p.Run(t.Context(), "msiexec", "/x", db.Property("ProductCode"), "/qn"); err != nil {
			t.Fatalf("%s: remove: %v: %s", tt.name, err, out)
		}
		if out, err := p.Run(t.Context(), "reg", "delete", `HKLM\SOFTWARE\Sample`, "/f", "/reg:64"); err != nil {
			t.Logf("%s: %s", tt.name, out) // the removal of the product has taken it
		}
	}
}
