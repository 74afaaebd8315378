package pack

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"holdfast/installer/guid"
	"holdfast/installer/msi"
	"holdfast/installer/product"
)

// Bounds of the files that a package is made with.
const (
	maxSeed    = 4 << 20 // as internal/config reads it
	maxIcon    = 1 << 20
	maxLicence = 1 << 20
)

// Options say what to pack, in the words of the command line.
type Options struct {
	// Dir is the folder with the program.
	Dir string
	// Config is the configuration that setup writes on the machine when there is none.
	Config string
	// Name is the service, the folders and the registry key; Display what a person reads.
	Name, Display, Manufacturer, Version, UpgradeCode, HelpURL string
	// Icon is an .ico file, Licence an .rtf file; without them the package shows Holdfast's.
	Icon, Licence string
	// Arch is amd64 (default) or arm64; Culture en-US (default) or zh-CN.
	Arch, Culture string
	// Exclude leaves files and folders out; Allow silences warnings about them.
	Exclude, Allow []string
}

// Plan is all that is known of a package before it is built.
type Plan struct {
	// Package is what the steps that make a package want.
	Package product.Package
	Tree    *Tree
	// Warnings are what a person should look at: of the folder, then of the configuration.
	Warnings []string

	options Options
	fixed   bool // the configuration has listeners: HF_PORT changes nothing
}

// New checks everything and plans the package. All mistakes of the options are told at once, then all
// of the folder, then all of the configuration.
func New(o Options) (*Plan, error) {
	p := &Plan{options: o}
	identity, files := p.identity(), p.files()
	if identity != nil {
		return nil, errors.Join(identity, files)
	}
	target := `C:\Program Files\` + o.Name + `\app`
	tree, folder := Harvest(o.Dir, target, o.Exclude, o.Allow)
	if err := errors.Join(files, folder); err != nil {
		return nil, err
	}
	p.Tree = tree
	s := &seed{findings: findings{file: filepath.Base(o.Config)}, tree: tree, name: o.Name, arch: p.Package.Arch}
	if err := s.check(p.Package.Seed); err != nil {
		return nil, err
	}
	p.fixed = s.fixed
	p.Warnings = append(append(p.Warnings, tree.Warnings...), s.warnings...)
	if f, ok := tree.Find(filepath.Base(o.Config)); ok && sameFile(f.Source, o.Config) {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s is in the folder too, where nothing reads it: the package carries it already; leave it out with --exclude %s", f.Path, f.Path))
	}
	text, err := fragment(tree, p.Package.Product)
	if err != nil {
		return nil, err
	}
	p.Package.Fragments = map[string][]byte{"app.wxs": text}
	p.Package.App, p.Package.Unicode = true, tree.unicode(p.Package.Culture)
	return p, nil
}

// identity checks who the product is.
func (p *Plan) identity() error {
	o := p.options
	arch, archErr := product.ArchOf(cmp.Or(o.Arch, "amd64"))
	culture := cmp.Or(o.Culture, "en-US")
	var cultureErr error
	if culture != "en-US" && culture != "zh-CN" {
		cultureErr = fmt.Errorf("culture %q: the dialogs speak en-US or zh-CN", culture)
	}
	code, codeErr := upgradeCode(o.UpgradeCode)
	p.Package.Product = product.Product{
		Name: o.Name, Display: o.Display, Manufacturer: o.Manufacturer, Version: o.Version, UpgradeCode: code, HelpURL: o.HelpURL,
	}
	p.Package.Arch, p.Package.Culture = arch, culture
	all := []error{archErr, cultureErr, codeErr}
	if cultureErr == nil {
		all = append(all, shown("display name", p.Package.Product.Title(), culture), shown("manufacturer", o.Manufacturer, culture))
	}
	switch {
	case codeErr != nil:
		p.Package.Product.UpgradeCode = guid.Random() // only to check the rest
	case p.Package.Product.Own():
		all = append(all, errors.New("--upgrade-code is Holdfast's own, and your package would replace Holdfast; without the option, pack prints a fresh one"))
	default:
		if example := exampleOf(code); example != "" && example != o.Name {
			all = append(all, fmt.Errorf("--upgrade-code %s is that of the example %s, and your package and all others made like this would replace each other; without the option, pack prints a fresh one", code, example))
		}
	}
	return errors.Join(append(all, p.Package.Product.Check())...)
}

// codepage is that of a culture's texts, as its localization in wix/ says.
func codepage(culture string) int {
	if culture == "zh-CN" {
		return 936
	}
	return 1252
}

// shown refuses a name that the summary of a package cannot hold: its code page is never 65001
// (learn.microsoft.com/windows/win32/msi/codepage-summary-property).
func shown(what, text, culture string) error {
	if _, err := msi.Encode(codepage(culture), text); err != nil && utf8.ValidString(text) {
		return fmt.Errorf("%s %q: not all of its characters are in code page %d of the culture %s; write it in others, or choose another --culture", what, text, codepage(culture), culture)
	}
	return nil
}

// unicode tells whether the name of a file is not in the culture's code page.
func (t *Tree) unicode(culture string) bool {
	return slices.ContainsFunc(t.Files, func(f File) bool {
		_, err := msi.Encode(codepage(culture), f.Path)
		return err != nil
	})
}

// exampleOf is the product for which the guide or the help shows this upgrade code; "" for any other.
// Who copies a command keeps its code, too.
func exampleOf(code guid.GUID) string {
	return map[guid.GUID]string{
		"{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}": "Shop",
		"{C8F58B0C-8C78-48D6-9195-7D58DEEE68E6}": "HelloNode",
		"{1C9C5459-2264-448E-B40B-7794ACE9734B}": "HelloPython",
		"{8A678873-0166-46CF-8EED-5EDC3C6973AD}": "HelloGo",
	}[code]
}

// upgradeCode reads --upgrade-code, and says how to get one.
func upgradeCode(text string) (guid.GUID, error) {
	if text == "" {
		return "", fmt.Errorf("--upgrade-code is missing: by it Windows knows all versions of your product, so it is made once and kept with the sources. "+
			"Here is a fresh one, which no other product has; use it in this and in all later versions:\n  --upgrade-code \"%s\"", guid.Random())
	}
	code, err := guid.Parse(text)
	if err != nil {
		return "", fmt.Errorf("--upgrade-code %w; without the option, pack prints a fresh one", err)
	}
	return code, nil
}

// files reads the files that the options name.
func (p *Plan) files() error {
	var errs [3]error
	p.Package.Seed, errs[0] = read("config", p.options.Config, maxSeed)
	if p.options.Config == "" {
		errs[0] = errors.New("--config is missing: name the holdfast.yaml that setup writes on the machine")
	}
	if p.options.Icon != "" {
		if p.Package.Icon, errs[1] = read("icon", p.options.Icon, maxIcon); errs[1] == nil {
			errs[1] = checkIcon(p.options.Icon, p.Package.Icon)
		}
	}
	if p.options.Licence != "" {
		if p.Package.Licence, errs[2] = read("licence", p.options.Licence, maxLicence); errs[2] == nil {
			errs[2] = checkLicence(p.options.Licence, p.Package.Licence)
		}
	}
	return errors.Join(errs[:]...)
}

// read is the content of a small file.
func read(option, name string, most int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", option, name, cause(err))
	}
	defer f.Close() //nolint:errcheck // only read
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("--%s %s: it is no ordinary file", option, name)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", option, name, cause(err))
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("--%s %s: more than %s; is it the right file?", option, name, Bytes(most))
	}
	return data, nil
}

// checkIcon wants an .ico file whose images lie within it (learn.microsoft.com/previous-versions/ms997538(v=msdn.10)).
func checkIcon(name string, data []byte) error {
	bad := func(text string) error {
		return fmt.Errorf("--icon %s: %s; make an .ico file with the sizes 16, 32, 48 and 256 (magick logo.png -define icon:auto-resize=256,48,32,16 shop.ico)", name, text)
	}
	if len(data) < 6 || !bytes.HasPrefix(data, []byte{0, 0, 1, 0}) {
		return bad("it is no .ico file")
	}
	count := int(binary.LittleEndian.Uint16(data[4:]))
	if count == 0 || 6+16*count > len(data) {
		return bad("it holds no images, or is cut off")
	}
	for i := range count {
		entry := data[6+16*i:]
		size, at := uint64(binary.LittleEndian.Uint32(entry[8:])), uint64(binary.LittleEndian.Uint32(entry[12:]))
		if size == 0 || at+size > uint64(len(data)) {
			return bad("it is cut off")
		}
	}
	return nil
}

// checkLicence wants rich text as the dialog shows it: RTF, which is ASCII.
func checkLicence(name string, data []byte) error {
	if !bytes.HasPrefix(data, []byte(`{\rtf`)) || !bytes.HasSuffix(bytes.TrimRight(data, "\x00\r\n\t "), []byte("}")) || !utf8.Valid(data) {
		return fmt.Errorf("--licence %s: it is no rich text; save it as .rtf in WordPad or LibreOffice", name)
	}
	return nil
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
