package ice

import "holdfast/installer/msi"

// fileVersions: Windows Installer replaces a file by one of a higher version, and one without a
// version by another hash (learn.microsoft.com/windows/win32/msi/file-versioning-rules). The files
// themselves are looked at where they are at hand: in a package just compiled, or unpacked by
// msi.ExtractFiles.
func (c *checker) fileVersions() {
	for _, r := range c.rows("File") {
		_, hash := c.find("MsiFileHash", r.key())
		switch versioned := r.text("Version") != ""; {
		case versioned && hash:
			c.bad(r, "Version", "leave one out", "the file has a version and a hash")
		case !versioned && !hash:
			c.bad(r, "Version", "add a row to MsiFileHash", "the file has neither a version nor a hash: every repair would copy it again")
		}
	}
	for _, cabinet := range c.db.Cabinets {
		for _, f := range cabinet.Files {
			if r, ok := c.find("File", f.Key); ok && f.Source != "" {
				c.fileVersion(r, f.Source)
			}
		}
	}
}

func (c *checker) fileVersion(r row, source string) {
	version, languages, err := msi.FileVersion(source)
	switch {
	case err != nil:
		c.bad(r, "Version", "", "the file cannot be read: %v", err)
	case version != r.text("Version"):
		c.bad(r, "Version", "", "it is %q, the file itself says %q", r.text("Version"), version)
	case languages != r.text("Language"):
		c.bad(r, "Language", "", "it is %q, the file itself says %q", r.text("Language"), languages)
	}
}
