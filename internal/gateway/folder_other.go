//go:build !unix

package gateway

import "os"

// readOnly is how files are opened.
const readOnly = os.O_RDONLY
