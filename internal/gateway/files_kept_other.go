//go:build !linux

package gateway

import "os"

// versionOf cannot tell the version of a file: no files are kept. On Windows looking it up would mean to
// open the file, and most of the cost.
func versionOf(os.FileInfo) (version, bool) { return version{}, false }
