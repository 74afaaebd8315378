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

// load reads a pair and checks that its parts belong together.
func load(name string, c config.Certificate) (*tls.Certificate, error) {
	chain, err := os.ReadFile(c.CertFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: cert_file: %w", name, err)
	}
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: key_file: %w", name, err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %s and %s: %w", name, c.CertFile, c.KeyFile, err)
	}
	return &pair, nil
}
