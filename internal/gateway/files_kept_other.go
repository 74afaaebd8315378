//go:build !linux

package gateway

import "os"

// version would tell one state of a file from every other.
type version struct{ changed int64 }

// versionOf cannot tell the version of a file: no files are kept. On Windows looking it up would mean to
// open the file, and most of the cost.
func versionOf(os.FileInfo) (version, bool) { return version{}, false }
