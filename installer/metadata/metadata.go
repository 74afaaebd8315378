// Package metadata tells deployment systems about a built package: winget, Chocolatey, Intune and
// Configuration Manager, and says what it is made of (CycloneDX).
//
// Everything is read from the package itself, so that nothing can be promised that it does not hold.
// The same package and options give the same bytes. Texts of the package are treated as data in each
// format: a product's name can end neither a PowerShell string nor an XML attribute.
package metadata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast/installer/guid"
	"holdfast/installer/msi"
)

// Package is what a built package says of itself.
type Package struct {
	// File is its name, Size its bytes, SHA256 their hash in lower-case hexadecimal digits.
	File   string
	Size   int64
	SHA256 string

	Name, Manufacturer, Version string
	ProductCode, UpgradeCode    guid.GUID
	Arch                        string // x64 or arm64
	Culture                     string // en-US or zh-CN
	Service                     string // the service's name
	HoldfastVersion             string
	HelpURL                     string
	Comments                    string
	// Properties are those that may be set on the command line, in order.
	Properties []string
	// Created is when it was built: SOURCE_DATE_EPOCH.
	Created time.Time
}

// File is one file of metadata; Name has slashes and is relative to a folder of the caller's choice.
type File struct {
	Name string
	Data []byte
}

// Options are what a package cannot know.
type Options struct {
	// URL is where the packages can be downloaded, without their file names:
	// https://example.com/releases/2.1.0.
	URL string
	// Identifier is the winget identifier (default: made of manufacturer and name).
	Identifier string
	// License is the name of the product's licence (default: Proprietary), Description one sentence
	// (default: the package's own comment).
	License, Description string
}

// Describe reads a package.
func Describe(ctx context.Context, file string) (*Package, error) {
	db, err := msi.Read(ctx, file)
	if err != nil {
		return nil, err
	}
	p, err := describe(db)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", file, err)
	}
	p.File = filepath.Base(file)
	if !fileName(p.File) {
		return nil, fmt.Errorf("package %s: rename it: letters, digits, spaces and . _ + - ( ) are safe on every command line", file)
	}
	f, err := os.Open(file) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("package: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	if p.SHA256, p.Size, err = hash(f); err != nil {
		return nil, fmt.Errorf("package %s: %w", file, err)
	}
	return p, nil
}

func hash(r io.Reader) (sum string, size int64, err error) {
	h := sha256.New()
	size, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

func fileName(name string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._+()-]*\.msi$`).MatchString(name)
}

// describe reads the tables. What other formats build on is checked, since the file may be anybody's.
func describe(db *msi.Database) (*Package, error) {
	p := &Package{
		Name: db.Property("ProductName"), Manufacturer: db.Property("Manufacturer"), Version: db.Property("ProductVersion"),
		HoldfastVersion: db.Property("HfVersion"), HelpURL: db.Property("ARPHELPLINK"), Comments: db.Property("ARPCOMMENTS"),
		Created: db.Summary.Created.UTC().Truncate(time.Second),
	}
	for what, text := range map[string]string{"ProductName": p.Name, "Manufacturer": p.Manufacturer} {
		if text == "" || !plain(text) {
			return nil, fmt.Errorf("property %s: %q is not a line of text", what, text)
		}
	}
	if !plain(p.Comments) || !plain(p.HoldfastVersion) {
		return nil, fmt.Errorf("property ARPCOMMENTS or HfVersion is not a line of text")
	}
	if p.HelpURL != "" && !strings.HasPrefix(p.HelpURL, "https://") && !strings.HasPrefix(p.HelpURL, "http://") || !plain(p.HelpURL) {
		return nil, fmt.Errorf("property ARPHELPLINK: %q is no web address", p.HelpURL)
	}
	if !regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,5}$`).MatchString(p.Version) {
		return nil, fmt.Errorf("property ProductVersion: %q is not three numbers", p.Version)
	}
	var err error
	if p.ProductCode, err = guid.Parse(db.Property("ProductCode")); err != nil {
		return nil, fmt.Errorf("property ProductCode: %w", err)
	}
	if p.UpgradeCode, err = guid.Parse(db.Property("UpgradeCode")); err != nil {
		return nil, fmt.Errorf("property UpgradeCode: %w", err)
	}
	if db.Property("ALLUSERS") != "1" {
		return nil, fmt.Errorf("property ALLUSERS is %q: it is no package per machine", db.Property("ALLUSERS"))
	}
	if err := p.platform(db); err != nil {
		return nil, err
	}
	services := db.Table("ServiceInstall")
	if services == nil || len(services.Rows) != 1 {
		return nil, fmt.Errorf("it does not install one service: it is no package of Holdfast")
	}
	p.Service = services.Text(services.Rows[0], "Name")
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(p.Service) {
		return nil, fmt.Errorf("service %q: it is no name of a product", p.Service)
	}
	for name := range strings.SplitSeq(db.Property("SecureCustomProperties"), ";") {
		if public(name) {
			p.Properties = append(p.Properties, name)
		}
	}
	slices.Sort(p.Properties)
	return p, nil
}

// platform reads for what machines and languages the package is.
func (p *Package) platform(db *msi.Database) error {
	switch arch, _, _ := strings.Cut(db.Summary.Template, ";"); strings.ToLower(arch) {
	case "x64":
		p.Arch = "x64"
	case "arm64":
		p.Arch = "arm64"
	default:
		return fmt.Errorf("platform %q: it is neither for x64 nor for arm64", db.Summary.Template)
	}
	switch language := db.Property("ProductLanguage"); language {
	case "1033":
		p.Culture = "en-US"
	case "2052":
		p.Culture = "zh-CN"
	default:
		return fmt.Errorf("property ProductLanguage: %q is neither 1033 nor 2052", language)
	}
	return nil
}

// public tells the properties that are for administrators; those that the package finds by itself are
// secure, too.
func public(name string) bool {
	switch name {
	case "INSTALLDIR", "DATADIR":
		return true
	case "HF_OLDER", "HF_SAME", "HF_NEWER", "HF_WINDOWS10":
		return false
	default:
		return strings.HasPrefix(name, "HF_") && !strings.HasSuffix(name, "_OLD")
	}
}

// plain tells a text without anything that ends a line or changes how it is read.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// install and uninstall are the command lines of administrators and of their tools.
func (p *Package) install() string {
	return fmt.Sprintf(`msiexec /i "%s" /qn /norestart`, p.File)
}

func (p *Package) uninstall() string {
	return fmt.Sprintf(`msiexec /x "%s" /qn /norestart`, p.ProductCode)
}

// description is one sentence about the product.
func (p *Package) description(o Options) string {
	switch {
	case o.Description != "":
		return o.Description
	case p.Comments != "":
		return p.Comments
	default:
		return p.Name + " " + p.Version
	}
}

// base is the file's name without its extension.
func (p *Package) base() string { return strings.TrimSuffix(p.File, ".msi") }

// All makes the files for every system that the options allow, and notes on those that they do not.
// The packages are one version of one product, for several architectures and languages.
func All(packages []*Package, o Options) (files []File, notes []string, err error) {
	if err := same(packages); err != nil {
		return nil, nil, err
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	if o.URL == "" {
		notes = append(notes, "no winget manifests: winget downloads, so give the address of the packages with --url")
	} else {
		made, err := Winget(packages, o)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, made...)
	}
	made, note, err := Chocolatey(packages, o)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, made...)
	if note != "" {
		notes = append(notes, note)
	}
	for _, p := range packages {
		intune, err := Intune(p, o)
		if err != nil {
			return nil, nil, err
		}
		manager, err := ConfigMgr(p, o)
		if err != nil {
			return nil, nil, err
		}
		files = append(append(files, intune...), manager)
	}
	return files, notes, nil
}

func (o Options) check() error {
	if o.URL != "" && (!strings.HasPrefix(o.URL, "https://") || !plain(o.URL) || strings.ContainsAny(o.URL, " \"'`$<>?#")) {
		return fmt.Errorf("url %q: write the folder of the packages, such as https://example.com/releases/2.1.0", o.URL)
	}
	if !plain(o.License) || !plain(o.Description) {
		return fmt.Errorf("licence and description are one line of text each")
	}
	return nil
}

// address is where a package can be downloaded.
func (o Options) address(p *Package) string {
	return strings.TrimSuffix(o.URL, "/") + "/" + strings.ReplaceAll(p.File, " ", "%20")
}

// same wants packages of one version of one product, no two for the same machines and language.
func same(packages []*Package) error {
	if len(packages) == 0 {
		return fmt.Errorf("name at least one package")
	}
	first, seen := packages[0], map[string]string{}
	for _, p := range packages {
		if p.UpgradeCode != first.UpgradeCode || p.Name != first.Name || p.Version != first.Version || p.Service != first.Service || p.Manufacturer != first.Manufacturer {
			return fmt.Errorf("%s is %s %s, %s is %s %s: name packages of one version of one product", first.File, first.Name, first.Version, p.File, p.Name, p.Version)
		}
		target := p.Arch + " " + p.Culture
		if other, ok := seen[target]; ok {
			return fmt.Errorf("%s and %s are both for %s", other, p.File, target)
		}
		seen[target] = p.File
	}
	return nil
}
