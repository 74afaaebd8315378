package metadata

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// nuspec is the part of NuGet's schema that Chocolatey wants
// (docs.chocolatey.org/en-us/create/create-packages).
type nuspec struct {
	XMLName  xml.Name `xml:"http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd package"`
	Metadata struct {
		ID          string `xml:"id"`
		Version     string `xml:"version"`
		Title       string `xml:"title"`
		Authors     string `xml:"authors"`
		ProjectURL  string `xml:"projectUrl,omitempty"`
		Accept      bool   `xml:"requireLicenseAcceptance"`
		Copyright   string `xml:"copyright,omitempty"`
		Summary     string `xml:"summary"`
		Description string `xml:"description"`
		Tags        string `xml:"tags"`
	} `xml:"metadata"`
	Files struct {
		File []nuspecFile `xml:"file"`
	} `xml:"files"`
}

type nuspecFile struct {
	Source string `xml:"src,attr"`
	Target string `xml:"target,attr"`
}

// Chocolatey makes the sources of a Chocolatey package; note says why it does not, or what is left to
// do. Chocolatey knows no arm64; its one package is for x64 in the first language.
func Chocolatey(packages []*Package, o Options) (files []File, note string, err error) {
	i := slices.IndexFunc(packages, func(p *Package) bool { return p.Arch == "x64" })
	if i < 0 {
		return nil, "no Chocolatey package: Chocolatey knows no arm64, so name the package for x64, too", nil
	}
	p := packages[i]
	id := strings.ToLower(p.Service)
	var spec nuspec
	m := &spec.Metadata
	m.ID, m.Version, m.Title, m.Authors, m.ProjectURL = id, p.Version, p.Name, p.Manufacturer, p.HelpURL
	m.Summary, m.Tags = p.description(o), id
	m.Description = p.description(o) + "\n\nProperties of the package: choco install " + id + ` --install-arguments="HF_PORT=8080"` + "\n" + strings.Join(p.Properties, ", ")
	spec.Files.File = []nuspecFile{{`tools\**`, "tools"}}
	text, err := xml.MarshalIndent(spec, "", "  ")
	if err != nil {
		return nil, "", err
	}
	if o.URL == "" {
		note = "put " + p.File + " into chocolatey/tools before choco pack, or give the address of the packages with --url"
	}
	folder := "chocolatey/"
	return []File{
		{folder + id + ".nuspec", append([]byte(xml.Header), append(text, '\n')...)},
		{folder + "tools/chocolateyinstall.ps1", script(p.chocolateyInstall(o))},
		{folder + "tools/chocolateyuninstall.ps1", script(p.chocolateyUninstall())},
	}, note, nil
}

func (p *Package) chocolateyInstall(o Options) string {
	var b strings.Builder
	b.WriteString("$ErrorActionPreference = 'Stop'\n$arguments = @{\n")
	row := func(name, value string) { fmt.Fprintf(&b, "  %-14s = %s\n", name, value) }
	row("packageName", "$env:ChocolateyPackageName")
	row("fileType", "'msi'")
	command := "Install-ChocolateyPackage"
	if o.URL != "" {
		row("url64bit", quote(o.address(p)))
		row("checksum64", quote(p.SHA256))
		row("checksumType64", "'sha256'")
	} else {
		command = "Install-ChocolateyInstallPackage"
		row("file64", "Join-Path $PSScriptRoot "+quote(p.File))
	}
	row("softwareName", quote(wildcard(p.Name)))
	row("silentArgs", "'/qn /norestart'")
	row("validExitCodes", "@(0, 3010, 1641)")
	b.WriteString("}\n")
	if o.URL == "" {
		fmt.Fprintf(&b, "if ((Get-FileHash -Algorithm SHA256 -LiteralPath $arguments.file64).Hash -ne %s) {\n", quote(strings.ToUpper(p.SHA256)))
		fmt.Fprintf(&b, "  throw %s\n}\n", quote(p.File+" is not the file that this package was made for"))
	}
	fmt.Fprintf(&b, "%s @arguments\n", command)
	return b.String()
}

func (p *Package) chocolateyUninstall() string {
	return fmt.Sprintf(`$ErrorActionPreference = 'Stop'
$arguments = @{
  packageName    = $env:ChocolateyPackageName
  fileType       = 'msi'
  file           = ''
  silentArgs     = %s
  validExitCodes = @(0, 1605, 1614, 1641, 3010)
}
Uninstall-ChocolateyPackage @arguments
`, quote(string(p.ProductCode)+" /qn /norestart"))
}

// script is a text as Windows PowerShell reads it: UTF-8 with its mark, lines that end with CRLF.
func script(text string) []byte {
	return append([]byte("\ufeff"), bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\r\n"))...)
}

// quote is a text as a PowerShell string in which nothing is expanded. PowerShell takes the typographic
// single quotes for plain ones, so that they are doubled, too
// (learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// wildcard is a pattern for -like that means the text itself.
func wildcard(s string) string {
	return strings.NewReplacer("`", "``", "*", "`*", "?", "`?", "[", "`[", "]", "`]").Replace(s)
}
