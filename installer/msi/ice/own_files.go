package ice

import (
	"slices"
	"strings"

	"holdfast/installer/guid"
	"holdfast/installer/msi"
)

func (c *checker) summary() {
	s := c.db.Summary
	complain := func(bad bool, format string, args ...any) {
		if bad {
			c.missing("_SummaryInformation", "", format, args...)
		}
	}
	complain(s.Codepage != 1252 && s.Codepage != 65001, "the code page is %d, and must be 1252 or 65001", s.Codepage)
	complain(s.WordCount != 2, "the word count is %d, and must be 2: compressed files, long names, elevation", s.WordCount)
	complain(s.Schema != 500, "the schema is %d, and must be 500", s.Schema)
	complain(s.Security != 2, "the security is %d, and must be 2: read-only is recommended", s.Security)
	complain(!strings.HasPrefix(s.Template, "x64;") && !strings.HasPrefix(s.Template, "Arm64;"), "the template is %q, and must begin with x64; or Arm64;", s.Template)
	g, err := guid.Parse(s.PackageCode)
	complain(err != nil || string(g) != s.PackageCode, "the package code %q is no GUID in braces and upper case", s.PackageCode)
	complain(s.Title == "" || s.Subject == "" || s.Author == "", "title, subject or author is empty")
	complain(s.Created.IsZero() || s.Created.Nanosecond() != 0, "the time of creation %s is not in whole seconds", s.Created)
}

func (c *checker) allWide() {
	for _, r := range c.rows("Component") {
		if r.number("Attributes")&wide == 0 {
			c.bad(r, "Attributes", "set the 64-bit bit (256)", "the component is 32-bit: its registry values would be elsewhere")
		}
	}
}

func (c *checker) oneFile() {
	files := map[string][]string{}
	for _, r := range c.rows("File") {
		files[r.text("Component_")] = append(files[r.text("Component_")], r.key())
	}
	for _, r := range c.rows("Component") {
		own := files[r.key()]
		switch {
		case len(own) > 1:
			c.bad(r, "", "give each file a component of its own", "it has the files %s", strings.Join(own, ", "))
		case len(own) == 1 && r.text("KeyPath") != own[0]:
			c.bad(r, "KeyPath", "", "its file %s is not the key path", own[0])
		case len(own) == 0 && r.number("Attributes")&(registryKeyPath|odbcKeyPath) == 0 && r.text("KeyPath") != "":
			c.bad(r, "KeyPath", "", "the file %s belongs to another component", r.text("KeyPath"))
		}
	}
}

// cabinets: learn.microsoft.com/windows/win32/msi/media-table.
func (c *checker) cabinets() {
	media := c.rows("Media")
	slices.SortFunc(media, func(a, b row) int { return a.number("DiskId") - b.number("DiskId") })
	files := c.rows("File")
	slices.SortFunc(files, func(a, b row) int { return a.number("Sequence") - b.number("Sequence") })
	for i, f := range files {
		if n := f.number("Sequence"); n != i+1 {
			c.bad(f, "Sequence", "", "it is %d, and must be %d: the files of a cabinet have no gaps", n, i+1)
			return
		}
	}
	at := 0
	for _, m := range media {
		last := m.number("LastSequence")
		name, embedded := strings.CutPrefix(m.text("Cabinet"), "#")
		cabinet, there := c.db.Cabinets[name]
		switch {
		case !embedded:
			c.bad(m, "Cabinet", "write #"+m.text("Cabinet"), "the cabinet is not inside of the package")
		case !there:
			c.bad(m, "Cabinet", "", "there is no cabinet %s", name)
		case last < at || last > len(files):
			c.bad(m, "LastSequence", "", "%d is not between %d and %d", last, at, len(files))
		default:
			c.contents(m, cabinet, files[at:last])
			at = last
			continue
		}
		return
	}
	if at != len(files) {
		c.missing("Media", "", "the last file has the sequence %d, the last cabinet ends with %d", len(files), at)
	}
}

func (c *checker) contents(m row, cabinet msi.Cabinet, files []row) {
	var want, got []string
	for _, f := range files {
		want = append(want, f.key())
	}
	for _, f := range cabinet.Files {
		got = append(got, f.Key)
	}
	if !slices.Equal(want, got) {
		c.bad(m, "Cabinet", "", "it holds %s; File says %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

// tables: the installer needs two tables even when they are empty: Signature for AppSearch, ListBox to
// show which files are in use (learn.microsoft.com/windows/win32/msi/appsearch-action,
// .../installvalidate-action).
func (c *checker) tables() {
	for _, t := range c.db.Tables {
		needed := t.Name == "Signature" && len(c.rows("AppSearch")) > 0 || t.Name == "ListBox" && len(c.rows("Dialog")) > 0
		if len(t.Rows) == 0 && !needed {
			c.missing(t.Name, "leave the table out", "the table is empty")
		}
	}
	for _, table := range sequenceTables() {
		if c.db.Table(table) == nil {
			c.missing(table, "", "the sequence is missing: installation, administration and advertisement all need theirs")
		}
	}
}

func (c *checker) identity() {
	for _, name := range []string{"ProductCode", "UpgradeCode"} {
		if g, err := guid.Parse(c.db.Property(name)); err != nil || string(g) != c.db.Property(name) {
			c.missing("Property", "", "%s %q is no GUID in braces and upper case", name, c.db.Property(name))
		}
	}
	if version := c.db.Property("ProductVersion"); strings.Count(version, ".") != 2 {
		c.missing("Property", "", "ProductVersion %q must have three numbers: a fourth one does not count in upgrades", version)
	} else if _, err := productVersion(version); err != nil {
		c.missing("Property", "", "ProductVersion: %v", err)
	}
	for _, name := range []string{"ProductName", "Manufacturer"} {
		if c.db.Property(name) == "" {
			c.missing("Property", "", "%s is missing", name)
		}
	}
	seen := map[string]string{}
	for _, r := range c.rows("Component") {
		id := r.text("ComponentId")
		if id == "" {
			c.bad(r, "ComponentId", "", "without a GUID it cannot be repaired or removed")
		} else if other := seen[id]; other != "" {
			c.bad(r, "ComponentId", "", "component %s has the same GUID", other)
		}
		seen[id] = r.key()
	}
	if code := c.db.Property("ProductCode"); code != "" && code == c.db.Property("UpgradeCode") {
		c.missing("Property", "", "ProductCode and UpgradeCode are the same")
	}
}

const dataFolder = "DATADIR"

// dataFolder: what the package does not own, no upgrade, repair or removal of it can touch.
func (c *checker) dataFolder() {
	for table, column := range map[string]string{"Component": "Directory_", "CreateFolder": "Directory_", "RemoveFile": "DirProperty", "DuplicateFile": "DestFolder", "MoveFile": "SourceFolder"} {
		for _, r := range c.rows(table) {
			if c.below(r.text(column), dataFolder) {
				c.bad(r, column, "let the setup program do it", "it would let Windows Installer change %s", dataFolder)
			}
		}
	}
}

// below tells whether a directory is another one or lies in it.
func (c *checker) below(directory, above string) bool {
	for range len(c.rows("Directory")) + 1 {
		if directory == above {
			return true
		}
		r, ok := c.find("Directory", directory)
		if !ok || r.text("Directory_Parent") == "" {
			return false
		}
		directory = r.text("Directory_Parent")
	}
	return false
}
