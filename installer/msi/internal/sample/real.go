package sample

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"holdfast/assets"
	"holdfast/installer/msi"
	"holdfast/installer/product"
	"holdfast/installer/wxs"
	"holdfast/wix"
)

// Real is Holdfast's own package as wix/ describes it, version 1.2.3, with stand-ins for its files.
func Real(tb testing.TB, p product.Package, test bool) *msi.Database {
	tb.Helper()
	dir := tb.TempDir()
	exe := write(tb, dir, "holdfast.exe", Program(tb, "1.2.3.0"))
	in := product.Inputs{
		HoldfastExe: exe, SetupExe: write(tb, dir, "setup.exe", Program(tb, "1.2.3.0")), Template: write(tb, dir, "holdfast.template.yaml", []byte("version: 1\n")),
		Licence: write(tb, dir, "licence.rtf", assets.Licence()), PolicyZip: write(tb, dir, "policy.zip", []byte("zip")),
		NameFile: write(tb, dir, "holdfast.name", p.NameFile()), Icon: write(tb, dir, "icon.ico", assets.Icon()),
		Banner: write(tb, dir, "banner.bmp", assets.Banner()), Background: write(tb, dir, "background.bmp", assets.Background()),
		HoldfastVersion: "1.2.3", Test: test,
	}
	all, fragments := p.Sources(wix.Sources())
	sources, err := wxs.Load(all, append(wix.Names(), fragments...), []string{p.Culture + ".wxl"},
		wxs.Options{Defines: p.Defines(in), Arch: p.Arch, Culture: p.Culture})
	if err != nil {
		tb.Fatal(err)
	}
	db, err := msi.Compile(sources, msi.CompileOptions{Arch: p.Arch, Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Application: "holdfast"})
	if err != nil {
		tb.Fatal(err)
	}
	// What writing the package fills in.
	Describe(tb, db)
	db.Summary.PackageCode = "{0B0B4E0A-6A36-5C39-8D8F-6C2C3B1A9F10}"
	return db
}

// Holdfast is Holdfast's own package for x64 in English.
func Holdfast(tb testing.TB) *msi.Database {
	tb.Helper()
	return Real(tb, product.Package{Product: product.Holdfast("1.2.3"), Arch: "x64", Culture: "en-US"}, false)
}

func write(tb testing.TB, dir, name string, data []byte) string {
	tb.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// Program is an executable that holds nothing but its version.
func Program(tb testing.TB, fileVersion string) []byte {
	tb.Helper()
	// MZ header, PE signature, file header (x64, one section), optional header (PE32+, 16 data
	// directories) and an empty section.
	pe := make([]byte, 0x600)
	for at, values := range map[int]string{
		0: "MZ", 0x3c: "\x40", 0x40: "PE\x00\x00\x64\x86\x01", 0x54: "\xf0\x00\x22", 0x58: "\x0b\x02",
		0x58 + 33: "\x10\x00\x00\x00\x02", 0x58 + 57: "\x20\x00\x00\x00\x04", 0x58 + 108: "\x10",
		0x148: ".text", 0x148 + 9: "\x02\x00\x00\x00\x10\x00\x00\x00\x02\x00\x00\x00\x04",
	} {
		copy(pe[at:], values)
	}
	var info version.Info
	info.SetFileVersion(fileVersion)
	const english = 0x409
	if err := info.Set(english, version.ProductName, "Program"); err != nil {
		tb.Fatal(err)
	}
	var resources winres.ResourceSet
	resources.SetVersionInfo(info)
	var out bytes.Buffer
	if err := resources.WriteToEXE(&out, bytes.NewReader(pe)); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
