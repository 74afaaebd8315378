package certs

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"holdfast/internal/config"
)

// stamp is how a pair's files looked; a change in it is the cue to read them again.
type stamp struct{ cert, key fileStamp }

type fileStamp struct {
	mtime time.Time
	size  int64
}

func look(c config.Certificate) stamp { return stamp{lookAt(c.CertFile), lookAt(c.KeyFile)} }

// lookAt follows symbolic links: a swapped link is a change. A file that is not there is the zero
// stamp.
func lookAt(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// maxFile is the size of a certificate or key file beyond which it is something else.
const maxFile = 1 << 20

// load reads a pair and checks that its parts belong together.
func load(name string, c config.Certificate) (*tls.Certificate, error) {
	chain, err := config.ReadBounded(c.CertFile, maxFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: cert_file: %w", name, err)
	}
	key, err := config.ReadBounded(c.KeyFile, maxFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: key_file: %w", name, err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %s and %s: %w", name, c.CertFile, c.KeyFile, err)
	}
	return &pair, nil
}
