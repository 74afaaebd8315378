package metadata

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"holdfast/installer/guid"
	"holdfast/installer/msi"
)

// SBOM is the bill of materials of a package in CycloneDX 1.6: every file that it installs or runs with
// its SHA-256, and the Go modules of which its executables were built, read from themselves
// (debug/buildinfo). The package's bytes decide the serial number and its own time is the document's,
// so that the same package has the same bill.
func SBOM(ctx context.Context, file string) (File, error) {
	p, err := Describe(ctx, file)
	if err != nil {
		return File{}, err
	}
	dir, err := os.MkdirTemp("", "holdfast-sbom-")
	if err != nil {
		return File{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	db, err := msi.ExtractFiles(ctx, file, filepath.Join(dir, "files"))
	if err != nil {
		return File{}, err
	}
	b := newBill(p)
	if err := b.installed(db); err != nil {
		return File{}, fmt.Errorf("package %s: %w", file, err)
	}
	if err := b.run(ctx, db); err != nil {
		return File{}, fmt.Errorf("package %s: %w", file, err)
	}
	data, err := b.encode()
	return File{p.base() + ".cdx.json", data}, err
}

// bill is a bill of materials in the making.
type bill struct {
	p          *Package
	root       cdx.Component
	components []cdx.Component
	modules    map[string]bool     // by their references
	needs      map[string][]string // what a component is made of
}

func newBill(p *Package) *bill {
	purl := "pkg:generic/" + url.PathEscape(strings.ToLower(p.Service)) + "@" + url.PathEscape(p.Version) + "?arch=" + p.Arch + "&checksum=sha256:" + p.SHA256
	return &bill{p: p, modules: map[string]bool{}, needs: map[string][]string{}, root: cdx.Component{
		BOMRef: string(p.ProductCode), Type: cdx.ComponentTypeApplication, Name: p.Name, Version: p.Version, Publisher: p.Manufacturer,
		Supplier: &cdx.OrganizationalEntity{Name: p.Manufacturer}, Description: p.Comments, PackageURL: purl,
		Hashes: sha256Of(p.SHA256),
		Properties: &[]cdx.Property{
			{Name: "holdfast:msi:file", Value: p.File},
			{Name: "holdfast:msi:product_code", Value: string(p.ProductCode)},
			{Name: "holdfast:msi:upgrade_code", Value: string(p.UpgradeCode)},
			{Name: "holdfast:version", Value: p.HoldfastVersion},
		},
	}}
}

// installed adds the files of the cabinets.
func (b *bill) installed(db *msi.Database) error {
	paths := installedPaths(db)
	for _, cabinet := range db.Cabinets {
		for _, f := range cabinet.Files {
			path, ok := paths[f.Key]
			if !ok {
				return fmt.Errorf("file %s of a cabinet has no row in the File table", f.Key)
			}
			in, err := os.Open(f.Source)
			if err != nil {
				return err
			}
			err = b.file("file:"+path, path, in)
			_ = in.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// run adds the programs that run during the installation only.
func (b *bill) run(ctx context.Context, db *msi.Database) error {
	t := db.Table("Binary")
	if t == nil {
		return nil
	}
	at := t.Index("Data")
	for _, row := range t.Rows {
		data, ok := row[at].(msi.Data)
		if !ok {
			return fmt.Errorf("row %s of the Binary table has no data", t.Text(row, "Name"))
		}
		r, err := data.Open(ctx)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			return err
		}
		name := t.Text(row, "Name")
		if err := b.file("binary:"+name, "Binary/"+name, bytes.NewReader(content)); err != nil {
			return err
		}
	}
	return nil
}

// file adds one file, and the modules that it was built of.
func (b *bill) file(ref, name string, r interface {
	io.Reader
	io.ReaderAt
},
) error {
	sum, size, err := hash(r)
	if err != nil {
		return fmt.Errorf("file %s: %w", name, err)
	}
	c := cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeFile, Name: name, Hashes: sha256Of(sum), Properties: &[]cdx.Property{
		{Name: "holdfast:file:size", Value: fmt.Sprint(size)},
	}}
	if info, err := buildinfo.Read(r); err == nil {
		*c.Properties = append(*c.Properties, cdx.Property{Name: "holdfast:go:main", Value: info.Path})
		b.goModules(ref, info)
	}
	b.components = append(b.components, c)
	b.needs[b.root.BOMRef] = append(b.needs[b.root.BOMRef], ref)
	return nil
}

// goModules adds the standard library and the modules of a program.
func (b *bill) goModules(ref string, info *debug.BuildInfo) {
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	b.module(ref, "stdlib", version, "")
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.module(ref, m.Path, m.Version, m.Sum)
	}
}

func (b *bill) module(user, path, version, sum string) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	purl := "pkg:golang/" + strings.Join(segments, "/")
	if version != "" {
		purl += "@" + url.QueryEscape(version)
	}
	b.needs[user] = append(b.needs[user], purl)
	if b.modules[purl] {
		return
	}
	b.modules[purl] = true
	c := cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "holdfast:go:sum", Value: sum}}
	}
	b.components = append(b.components, c)
}

// encode writes the document: components by type and name, dependencies by reference.
func (b *bill) encode() ([]byte, error) {
	slices.SortFunc(b.components, func(x, y cdx.Component) int {
		if x.Type != y.Type {
			return strings.Compare(string(x.Type), string(y.Type))
		}
		return strings.Compare(x.BOMRef, y.BOMRef)
	})
	var dependencies []cdx.Dependency
	refs := []string{b.root.BOMRef}
	for _, c := range b.components {
		refs = append(refs, c.BOMRef)
	}
	for _, ref := range refs {
		d := cdx.Dependency{Ref: ref}
		if needs := b.needs[ref]; len(needs) > 0 {
			slices.Sort(needs)
			needs = slices.Compact(needs)
			d.Dependencies = &needs
		}
		dependencies = append(dependencies, d)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + guid.URL.Derive("urn:sha256:"+b.p.SHA256).Bare()
	bom.Metadata = &cdx.Metadata{
		Component:  &b.root,
		Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhasePostBuild}},
		Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "Holdfast installer"}}},
	}
	if !b.p.Created.IsZero() {
		bom.Metadata.Timestamp = b.p.Created.Format(time.RFC3339)
	}
	bom.Components, bom.Dependencies = &b.components, &dependencies
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

func sha256Of(sum string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
}
