package metadata

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// wingetVersion is that of the manifests' schema
// (github.com/microsoft/winget-cli/tree/master/schemas/JSON/manifests).
const wingetVersion = "1.6.0"

type wingetManifest struct {
	PackageIdentifier string `yaml:"PackageIdentifier"`
	PackageVersion    string `yaml:"PackageVersion"`
	DefaultLocale     string `yaml:"DefaultLocale"`
	ManifestType      string `yaml:"ManifestType"`
	ManifestVersion   string `yaml:"ManifestVersion"`
}

type wingetInstallers struct {
	PackageIdentifier    string            `yaml:"PackageIdentifier"`
	PackageVersion       string            `yaml:"PackageVersion"`
	Platform             []string          `yaml:"Platform"`
	MinimumOSVersion     string            `yaml:"MinimumOSVersion"`
	InstallerType        string            `yaml:"InstallerType"`
	Scope                string            `yaml:"Scope"`
	InstallModes         []string          `yaml:"InstallModes"`
	InstallerSwitches    wingetSwitches    `yaml:"InstallerSwitches"`
	UpgradeBehavior      string            `yaml:"UpgradeBehavior"`
	ReleaseDate          string            `yaml:"ReleaseDate,omitempty"`
	ElevationRequirement string            `yaml:"ElevationRequirement"`
	Installers           []wingetInstaller `yaml:"Installers"`
	ManifestType         string            `yaml:"ManifestType"`
	ManifestVersion      string            `yaml:"ManifestVersion"`
}

type wingetSwitches struct {
	Silent             string `yaml:"Silent"`
	SilentWithProgress string `yaml:"SilentWithProgress"`
	InstallLocation    string `yaml:"InstallLocation"`
	Log                string `yaml:"Log"`
}

type wingetInstaller struct {
	InstallerLocale        string        `yaml:"InstallerLocale"`
	Architecture           string        `yaml:"Architecture"`
	InstallerURL           string        `yaml:"InstallerUrl"`
	InstallerSHA256        string        `yaml:"InstallerSha256"`
	ProductCode            string        `yaml:"ProductCode"`
	AppsAndFeaturesEntries []wingetEntry `yaml:"AppsAndFeaturesEntries"`
}

type wingetEntry struct {
	DisplayName   string `yaml:"DisplayName"`
	Publisher     string `yaml:"Publisher"`
	ProductCode   string `yaml:"ProductCode"`
	UpgradeCode   string `yaml:"UpgradeCode"`
	InstallerType string `yaml:"InstallerType"`
}

type wingetLocale struct {
	PackageIdentifier   string `yaml:"PackageIdentifier"`
	PackageVersion      string `yaml:"PackageVersion"`
	PackageLocale       string `yaml:"PackageLocale"`
	Publisher           string `yaml:"Publisher"`
	PublisherSupportURL string `yaml:"PublisherSupportUrl,omitempty"`
	PackageName         string `yaml:"PackageName"`
	License             string `yaml:"License"`
	ShortDescription    string `yaml:"ShortDescription"`
	ManifestType        string `yaml:"ManifestType"`
	ManifestVersion     string `yaml:"ManifestVersion"`
}

// Winget makes the three manifests of one version.
func Winget(packages []*Package, o Options) ([]File, error) {
	first := packages[0]
	id, err := wingetIdentifier(first, o)
	if err != nil {
		return nil, err
	}
	installers := wingetInstallers{
		PackageIdentifier: id, PackageVersion: first.Version, Platform: []string{"Windows.Desktop"}, MinimumOSVersion: "10.0.0.0",
		InstallerType: "msi", Scope: "machine", InstallModes: []string{"interactive", "silent", "silentWithProgress"},
		InstallerSwitches: wingetSwitches{
			Silent: "/qn /norestart", SilentWithProgress: "/qb /norestart",
			InstallLocation: `INSTALLDIR="<INSTALLPATH>"`, Log: `/l*v "<LOGPATH>"`,
		},
		UpgradeBehavior: "install", ElevationRequirement: "elevationRequired", ManifestType: "installer", ManifestVersion: wingetVersion,
	}
	if !first.Created.IsZero() {
		installers.ReleaseDate = first.Created.Format(time.DateOnly)
	}
	for _, p := range packages {
		installers.Installers = append(installers.Installers, wingetInstaller{
			InstallerLocale: p.Culture, Architecture: p.Arch, InstallerURL: o.address(p), InstallerSHA256: strings.ToUpper(p.SHA256), ProductCode: string(p.ProductCode),
			AppsAndFeaturesEntries: []wingetEntry{{p.Name, p.Manufacturer, string(p.ProductCode), string(p.UpgradeCode), "msi"}},
		})
	}
	license := o.License
	if license == "" {
		license = "Proprietary"
	}
	const locale = "en-US"
	files := []struct {
		suffix, schema string
		content        any
	}{
		{"", "version", wingetManifest{id, first.Version, locale, "version", wingetVersion}},
		{".installer", "installer", installers},
		{".locale." + locale, "defaultLocale", wingetLocale{
			id, first.Version, locale, first.Manufacturer, first.HelpURL, first.Name, license, shorten(first.description(o), 256), "defaultLocale", wingetVersion,
		}},
	}
	var made []File
	for _, f := range files {
		data, err := yamlOf("# yaml-language-server: $schema=https://aka.ms/winget-manifest."+f.schema+"."+wingetVersion+".schema.json\n\n", f.content)
		if err != nil {
			return nil, err
		}
		made = append(made, File{"winget/" + id + f.suffix + ".yaml", data})
	}
	return made, nil
}

func yamlOf(head string, content any) ([]byte, error) {
	b := bytes.NewBufferString(head)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := e.Encode(content); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// wingetIdentifier is "Acme.Shop": parts of at most 32 characters without what the schema forbids.
func wingetIdentifier(p *Package, o Options) (string, error) {
	id := o.Identifier
	if id == "" {
		id = wingetPart(p.Manufacturer) + "." + wingetPart(p.Service)
	}
	part := `[^.\s\\/:*?"<>|\x00-\x1f]{1,32}`
	if !regexp.MustCompile(`^`+part+`(\.`+part+`){1,7}$`).MatchString(id) || len(id) > 128 || !plain(id) {
		return "", fmt.Errorf("winget identifier %q: write PUBLISHER.PRODUCT, without spaces, each at most 32 characters", id)
	}
	return id, nil
}

func wingetPart(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '+' {
			return r
		}
		return -1
	}, s)
	return shorten(s, 32)
}

// shorten cuts a text to at most n characters.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n]))
}
