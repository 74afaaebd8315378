package metadata

import (
	"bytes"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
)

func TestSBOM(t *testing.T) {
	file := newPackage(t, "shop-2.1.0-x64.msi")
	got, err := SBOM(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "shop-2.1.0-x64.cdx.json" {
		t.Errorf("name %q", got.Name)
	}
	again, err := SBOM(t.Context(), file)
	if err != nil || !bytes.Equal(got.Data, again.Data) {
		t.Errorf("twice not the same: %v", err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(got.Data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SpecVersion != cdx.SpecVersion1_6 || !strings.HasPrefix(bom.SerialNumber, "urn:uuid:") || bom.Metadata.Timestamp != "2026-03-04T05:06:07Z" {
		t.Errorf("document: %s, %s, %s", bom.SpecVersion, bom.SerialNumber, bom.Metadata.Timestamp)
	}
	root := bom.Metadata.Component
	if root.Name != "Acme Shop" || root.Version != "2.1.0" || root.Publisher != "Acme" || len((*root.Hashes)[0].Value) != 64 {
		t.Errorf("root %+v", root)
	}
	exe, _ := program()
	sum, _, _ := hash(bytes.NewReader(exe))
	refs := map[string]string{root.BOMRef: ""}
	if !slices.IsSortedFunc(*bom.Components, func(a, b cdx.Component) int { return strings.Compare(string(a.Type)+a.BOMRef, string(b.Type)+b.BOMRef) }) {
		t.Error("the components are in no order")
	}
	for _, c := range *bom.Components {
		if _, ok := refs[c.BOMRef]; ok {
			t.Errorf("%s is there twice", c.BOMRef)
		}
		refs[c.BOMRef] = c.Name
		if c.Type == cdx.ComponentTypeFile && (c.Hashes == nil || len((*c.Hashes)[0].Value) != 64) {
			t.Errorf("%s has no hash", c.BOMRef)
		}
		if c.BOMRef == "file:holdfast.exe" && (*c.Hashes)[0].Value != sum {
			t.Errorf("hash of holdfast.exe is %s, want %s", (*c.Hashes)[0].Value, sum)
		}
	}
	for _, want := range []string{"file:holdfast.exe", "file:app/server [1].js", "file:app/lib with spaces/商店.txt", "binary:HfSetup"} {
		if _, ok := refs[want]; !ok {
			t.Errorf("no %s among %v", want, refs)
		}
	}
	needs := map[string][]string{}
	for _, d := range *bom.Dependencies {
		if d.Dependencies != nil {
			needs[d.Ref] = *d.Dependencies
		}
		for _, ref := range needs[d.Ref] {
			if _, ok := refs[ref]; !ok {
				t.Errorf("%s needs %s, which is nowhere", d.Ref, ref)
			}
		}
	}
	if len(needs[root.BOMRef]) != 4 || !slices.ContainsFunc(needs["file:holdfast.exe"], func(s string) bool { return strings.HasPrefix(s, "pkg:golang/stdlib@1.") }) {
		t.Errorf("dependencies %v", needs)
	}
	if _, err := SBOM(t.Context(), filepath.Join(t.TempDir(), "none.msi")); err == nil {
		t.Error("a package that is not there has a bill")
	}
}

func TestModules(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8 X:nodwarf5", Deps: []*debug.Module{
		{Path: "github.com/google/go-cmp", Version: "v0.7.0", Sum: "h1:abc="},
		{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/New", Version: "v2.0.0+incompatible"}},
		{Path: "example.com/local", Version: "v1.0.0", Replace: &debug.Module{Path: "../local dir"}},
	}}
	b := newBill(described(t, nil))
	b.goModules("file:a", info)
	b.goModules("file:b", info)
	want := []string{"pkg:golang/stdlib@1.26.8", "pkg:golang/github.com/google/go-cmp@v0.7.0", "pkg:golang/example.com/New@v2.0.0%2Bincompatible", "pkg:golang/../local%20dir"}
	for _, user := range []string{"file:a", "file:b"} {
		if diff := cmp.Diff(want, b.needs[user]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", user, diff)
		}
	}
	if len(b.components) != len(want) {
		t.Errorf("%d components: the modules of two programs are there once", len(b.components))
	}
}

func TestInstalledPaths(t *testing.T) {
	db := sample(t, nil)
	directories := db.Table("Directory")
	directories.Rows = append(directories.Rows, msi.Row{"LOOP", "LOOP2", "a"}, msi.Row{"LOOP2", "LOOP", "b"}, msi.Row{"SUB", "DATADIR", "S|sub:source"}, msi.Row{"SAME", "SUB", "."})
	components := db.Table("Component")
	for _, dir := range []string{"LOOP", "SAME", "NONE"} {
		components.Rows = append(components.Rows, msi.Row{"C" + dir, nil, dir, 256, nil, nil})
	}
	files, err := db.Ensure("File")
	if err != nil {
		t.Fatal(err)
	}
	for key, component := range map[string]string{"a": "CExe", "b": "CApp", "c": "CLib", "d": "CSAME", "e": "CNONE"} {
		files.Rows = append(files.Rows, msi.Row{key, component, "F~1|" + key, 0, nil, nil, 512, 1})
	}
	want := map[string]string{"a": "a", "b": "app/b", "c": "app/lib with spaces/c", "d": "[TARGETDIR]/Data/sub/d", "e": "[NONE]/e"}
	if diff := cmp.Diff(want, installedPaths(db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
