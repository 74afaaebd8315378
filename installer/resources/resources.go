// Package resources gives an executable what Windows shows and asks of it: a version, an icon and a
// manifest. The version is no ornament: by it Windows Installer decides whether a file is newer, and
// without it an upgrade may leave an old file in place.
package resources

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

// Resources are what an executable tells of itself.
type Resources struct {
	// Version is one to four numbers, each at most 65535: "1.2.3" is the file version 1.2.3.0.
	Version string
	// Company, Product, Description and Copyright are the strings of the version. Windows shows
	// Description in Task Manager and when it asks for consent.
	Company, Product, Description, Copyright string
	// Icon is an .ico file (default: none).
	Icon []byte
}

// english is the language of the version's strings (en-US).
const english = 0x0409

// iconName is the only icon; Windows shows the first.
const iconName = winres.ID(1)

// Apply puts r into the executable exe, in place of all resources that it had. The same executable
// and resources give the same bytes. A signature of exe would no longer fit and is removed.
func Apply(exe string, r Resources) error {
	set, err := r.set(filepath.Base(exe))
	if err != nil {
		return fmt.Errorf("resources of %s: %w", exe, err)
	}
	old, err := os.ReadFile(exe) //nolint:gosec // the caller's file
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := set.WriteToEXE(&out, bytes.NewReader(old), winres.WithAuthenticode(winres.RemoveSignature)); err != nil {
		return fmt.Errorf("resources of %s: %w; it has to be an executable for Windows", exe, err)
	}
	return replace(exe, out.Bytes())
}

// set are the resources as they are stored.
func (r Resources) set(file string) (*winres.ResourceSet, error) {
	numbers, err := parseVersion(r.Version)
	if err != nil {
		return nil, err
	}
	set := &winres.ResourceSet{}
	if r.Icon != nil {
		if err := setIcon(set, r.Icon); err != nil {
			return nil, err
		}
	}
	info := version.Info{FileVersion: numbers, ProductVersion: numbers}
	for _, s := range []struct{ key, value string }{
		{version.CompanyName, r.Company},
		{version.FileDescription, r.Description},
		{version.FileVersion, dotted(numbers)},
		{version.InternalName, strings.TrimSuffix(file, filepath.Ext(file))},
		{version.LegalCopyright, r.Copyright},
		{version.OriginalFilename, file},
		{version.ProductName, r.Product},
		{version.ProductVersion, r.Version},
	} {
		if s.value == "" {
			continue // nothing to say
		}
		if err := info.Set(english, s.key, s.value); err != nil {
			return nil, fmt.Errorf("%s %q: %w", s.key, s.value, err)
		}
	}
	set.SetVersionInfo(info)
	set.SetManifest(manifest())
	return set, nil
}

// manifest asks for no rights of its own, for paths longer than 260 characters and for the behaviour
// of Windows 10, 11 and the servers beside them, which share one identifier.
func manifest() winres.AppManifest {
	return winres.AppManifest{ExecutionLevel: winres.AsInvoker, Compatibility: winres.Win10AndAbove, LongPathAware: true}
}

func setIcon(set *winres.ResourceSet, ico []byte) error {
	if len(ico) < 6 || ico[4] == 0 && ico[5] == 0 { // ICONDIR.idCount
		return errors.New("icon: no pictures in it; an .ico file is needed")
	}
	icon, err := winres.LoadICO(bytes.NewReader(ico))
	if err != nil {
		return fmt.Errorf("icon: %w; an .ico file is needed", err)
	}
	if err := set.SetIcon(iconName, icon); err != nil {
		return fmt.Errorf("icon: %w", err)
	}
	return nil
}

// parseVersion reads one to four numbers; those that are missing are 0.
func parseVersion(text string) (numbers [4]uint16, err error) {
	parts := strings.Split(text, ".")
	if len(parts) > len(numbers) {
		return numbers, fmt.Errorf("version %q: %d numbers; at most %d", text, len(parts), len(numbers))
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || part != strconv.FormatUint(n, 10) {
			return numbers, fmt.Errorf("version %q: write numbers up to 65535 with dots between them, such as 1.2.3", text)
		}
		numbers[i] = uint16(n)
	}
	return numbers, nil
}

func dotted(n [4]uint16) string { return fmt.Sprintf("%d.%d.%d.%d", n[0], n[1], n[2], n[3]) }

// replace writes a file anew; whoever reads it sees the old content or the new one.
func replace(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
