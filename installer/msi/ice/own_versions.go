package ice

// fileVersions: files are compared by version, and files without one by hash
// (learn.microsoft.com/windows/win32/msi/msifilehash-table).
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
}
