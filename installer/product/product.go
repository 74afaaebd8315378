// Package product is the identity of what a package installs: its names, its version and the GUIDs
// that follow from them. Holdfast's own package and a packed program differ in nothing else, so that
// both are made by the same steps (Package).
//
// An identity is for ever: Windows Installer finds the older version of a product by its upgrade
// code and its files by their component GUIDs. All GUIDs but the upgrade code are derived, so that
// the same input gives the same package on every machine.
package product

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/installer/guid"
	"holdfast/internal/service"
)

// HoldfastUpgradeCode is Holdfast's own, of x64 and arm64 alike. It never changes.
const HoldfastUpgradeCode guid.GUID = "{7E1B0A52-64C9-4F0E-9C0B-3B8D5A6F21D4}"

// holdfastName is the name of Holdfast's own service, folders and keys.
const holdfastName = "Holdfast"

// Product is what a package installs. Its zero value is none; Check tells what is wrong with one.
type Product struct {
	// Name is the service, the folders, the registry keys and the pipe: "Shop" (service.NewIdentity).
	Name string
	// Display is what a person reads in the list of programs and services (default: Name).
	Display      string
	Manufacturer string
	// Version is three numbers, 255.255.65535 at most: Windows Installer compares no others.
	Version string
	// UpgradeCode tells the versions of one product from all other products. It is made once.
	UpgradeCode guid.GUID
	// HelpURL is the link in the list of programs (may be empty).
	HelpURL string
}

// Holdfast is the identity of Holdfast's own package. A version 0.0.0-dev, that of a build from the
// sources, counts as 0.0.0.
func Holdfast(version string) Product {
	return Product{
		Name:         holdfastName,
		Manufacturer: "The Holdfast Authors",
		Version:      strings.TrimSuffix(version, "-dev"),
		UpgradeCode:  HoldfastUpgradeCode,
	}
}

// Own tells whether this is Holdfast's own package.
func (p Product) Own() bool { return p.UpgradeCode == HoldfastUpgradeCode }

// Title is Display, or Name without one.
func (p Product) Title() string {
	if p.Display == "" {
		return p.Name
	}
	return p.Display
}

// ProductCode is the GUID of this version for an architecture (x64, arm64) and a culture (en-US): the
// same version is the same product, two versions never are.
func (p Product) ProductCode(arch, culture string) guid.GUID {
	return p.UpgradeCode.Derive(strings.Join([]string{p.Version, arch, culture}, "/"))
}

// FileComponent is the GUID of the component of one packed file: path is relative to the packed
// folder, its parts joined by "\" or "/". Case does not matter, as on Windows.
func (p Product) FileComponent(path string) guid.GUID {
	return p.UpgradeCode.Derive(FoldPath(path))
}

// FoldPath is a path in the one spelling that all spellings of it on Windows share.
func FoldPath(path string) string {
	return strings.ToLower(strings.ReplaceAll(path, "/", `\`))
}

// Check tells everything that is wrong with p, each with its cure.
func (p Product) Check() error {
	var all []error
	add := func(err error) { all = append(all, err) }
	add(p.checkName())
	if p.Title() != "" { // else the name is empty, which has been told
		add(checkText("display name", p.Title(), 64))
	}
	add(checkText("manufacturer", p.Manufacturer, 64))
	add(checkVersion(p.Version))
	add(p.checkUpgradeCode())
	add(checkURL(p.HelpURL))
	return errors.Join(all...)
}

// taken tells the names, in lower case, that Windows or widespread software uses for a service, a key
// below HKEY_LOCAL_MACHINE\SOFTWARE, or a folder below Program Files or ProgramData.
func taken(lower string) bool {
	const names = `
		bfe bits cryptsvc dcomlaunch defaultuserenvironment dhcp dnscache docker dotnet eventlog gpsvc intel
		iphlpsvc lanmanserver lanmanworkstation lsm modifiablewindowsapps mpssvc msiserver netlogon nodejs nsi
		odbc openssh package packages plugplay powershell profsvc python registeredapplications rpceptmapper
		rpcss samss schedule sens sessionenv spooler ssh sshd sysmain termservice trustedinstaller usoprivate
		usoshared vaultsvc w32time w3svc was wcmsvc windefend windowsapps winhttpautoproxysvc winmgmt winrm wuauserv`
	return slices.Contains(strings.Fields(names), lower)
}

func (p Product) checkName() error {
	if p.Name == "" {
		return errors.New("--name is missing: it is the service, its folders and its registry key, such as Shop; --display may hold anything")
	}
	if _, err := service.NewIdentity(p.Name); err != nil {
		return fmt.Errorf("%w (--name is the service, its folders and its registry key; --display may hold anything)", err)
	}
	lower := strings.ToLower(p.Name)
	switch {
	case taken(lower):
		return fmt.Errorf("name %q: a service, folder or key of Windows or of other software has it; choose another, such as %sService", p.Name, p.Name)
	case !p.Own() && lower == strings.ToLower(holdfastName):
		return fmt.Errorf("name %q: it is Holdfast's own, and your product must be able to live beside it; choose your product's name", p.Name)
	}
	return nil
}

// checkText refuses what would become something else on its way through the package: "[" and "{"
// are expanded by Windows Installer, "$(" and "!(" by the compiler, and quotes and backslashes end an
// argument of a command line.
func checkText(what, s string, most int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return fmt.Errorf("%s: it is empty; the list of programs shows it", what)
	case s != strings.TrimSpace(s):
		return fmt.Errorf("%s %q: remove the spaces around it", what, s)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q: it is not UTF-8 text", what, s)
	case utf8.RuneCountInString(s) > most:
		return fmt.Errorf("%s %q: %d characters; at most %d", what, s, utf8.RuneCountInString(s), most)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return fmt.Errorf("%s %q: the character U+%04X cannot be shown; remove it", what, s, r)
		}
	}
	for _, bad := range []string{`"`, `\`, "[", "]", "{", "}", "$(", "!("} {
		if strings.Contains(s, bad) {
			return fmt.Errorf("%s %q: %s has a meaning of its own in a package; remove it", what, s, bad)
		}
	}
	return nil
}

func (p Product) checkUpgradeCode() error {
	if p.UpgradeCode == "" {
		return errors.New("upgrade code: it is missing")
	}
	if g, err := guid.Parse(string(p.UpgradeCode)); err != nil {
		return fmt.Errorf("upgrade code: %w", err)
	} else if g != p.UpgradeCode {
		return fmt.Errorf("upgrade code: write %s", g)
	}
	if p.Own() != (p.Name == holdfastName) {
		return fmt.Errorf("upgrade code %s: it is Holdfast's own; with it, your product and Holdfast would replace each other", p.UpgradeCode)
	}
	if strings.Trim(string(p.UpgradeCode), "{}-0") == "" {
		return fmt.Errorf("upgrade code %s: it is the empty GUID, which tells nothing apart; make one with a GUID generator", p.UpgradeCode)
	}
	return nil
}

func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return fmt.Errorf("url %q: write a whole one, such as https://example.com/shop", s)
	}
	return checkText("url", s, 255)
}
