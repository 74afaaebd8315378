package msi

import "os"

// FileVersion is the version and the languages of a file on disk as File.Version and File.Language
// hold them; both are empty for a file without a version.
func FileVersion(file string) (version, languages string, err error) {
	f, err := os.Open(file) //nolint:gosec // a file that the caller named
	if err != nil {
		return "", "", err
	}
	defer f.Close() //nolint:errcheck // only read
	return fileVersion(f)
}
