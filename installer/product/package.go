package product

import (
	"fmt"
	"strings"

	"holdfast/installer/guid"
)

// Package is one package to make: the whole difference between one and another. The steps that make
// it (programs, sources, tables, file) are the same for all.
type Package struct {
	Product Product
	// Arch is x64 or arm64, as Windows Installer's templates and WiX name them (ArchOf).
	Arch string
	// Culture is that of the dialogs: en-US or zh-CN.
	Culture string

	// Seed is the configuration that setup writes when there is none. The three that follow are the
	// bytes of files, too. nil means Holdfast's own.
	Seed    []byte
	Icon    []byte // .ico
	Licence []byte // .rtf

	// Fragments are generated WiX sources (name.wxs to text) beside those of wix/.
	Fragments map[string][]byte
	// App tells that a fragment defines the component group AppFiles.
	App bool
	// Unicode tells that names of files are not in the code page of Culture: the database's has to be
	// 65001 instead.
	Unicode bool
}

// Inputs are the files that the sources of a package refer to, as paths, and what only the maker of
// them knows.
type Inputs struct {
	HoldfastExe, SetupExe, Template, Licence, PolicyZip, NameFile, Icon, Banner, Background string

	// HoldfastVersion is what the executable inside says of itself; setup compares it with the answer
	// of the started service.
	HoldfastVersion string
	// Test defines TestBuild: the package may fail at a chosen boundary.
	Test bool
}

// ArchOf is the architecture of a GOARCH in the words of Windows Installer: x64 or arm64.
func ArchOf(goarch string) (string, error) {
	switch goarch {
	case "amd64", "x64":
		return "x64", nil
	case "arm64":
		return "arm64", nil
	default:
		return "", fmt.Errorf("arch %q: packages are for amd64 or arm64", goarch)
	}
}

// GOARCH is Arch in Go's words.
func (p Package) GOARCH() string {
	if p.Arch == "x64" {
		return "amd64"
	}
	return p.Arch
}

// Code is the product code.
func (p Package) Code() guid.GUID { return p.Product.ProductCode(p.Arch, p.Culture) }

// FileName is what the package is called: "shop-2.1.0-x64.msi", "shop-2.1.0-x64-zh-CN.msi".
func (p Package) FileName() string {
	name := strings.ToLower(p.Product.Name) + "-" + p.Product.Version + "-" + p.Arch
	if p.Culture != "en-US" {
		name += "-" + p.Culture
	}
	return name + ".msi"
}

// NameFile is the content of holdfast.name beside the executable: from it the command line knows
// whose installation it is.
func (p Package) NameFile() []byte { return []byte(p.Product.Name + "\n") }

// ComponentVariables are the variables by which the sources in wix/ take the GUIDs of their own
// components. Those of Holdfast's own package stand there as literals.
func ComponentVariables() []string {
	return []string{"GuidExe", "GuidTemplate", "GuidLicence", "GuidPolicy", "GuidName", "GuidRegistry", "GuidEnvironment"}
}

// Defines are the preprocessor variables of the sources in wix/.
func (p Package) Defines(in Inputs) map[string]string {
	d := map[string]string{
		"Version":         p.Product.Version,
		"ProductName":     p.Product.Title(),
		"Manufacturer":    p.Product.Manufacturer,
		"ServiceName":     p.Product.Name,
		"UpgradeCode":     string(p.Product.UpgradeCode),
		"ProductCode":     string(p.Code()),
		"Arch":            p.Arch,
		"HelpUrl":         p.Product.HelpURL,
		"HoldfastVersion": in.HoldfastVersion,
		"HoldfastExe":     in.HoldfastExe,
		"SetupExe":        in.SetupExe,
		"TemplateFile":    in.Template,
		"LicenceFile":     in.Licence,
		"PolicyZip":       in.PolicyZip,
		"NameFile":        in.NameFile,
		"Icon":            in.Icon,
		"Banner":          in.Banner,
		"Background":      in.Background,
	}
	if in.Test {
		d["TestBuild"] = "1"
	}
	if p.App {
		d["HasApp"] = "1"
	}
	if !p.Product.Own() {
		for _, id := range ComponentVariables() {
			d[id] = string(p.Product.UpgradeCode.Derive(id))
		}
	}
	return d
}
