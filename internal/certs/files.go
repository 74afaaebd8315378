package certs

import (
	"fmt"
	"os"
	"time"

	"holdfast/internal/config"
)

// files are a certificate and its key, each in a PEM file.
type files struct{ cert, key string }

// stamp is how a pair's files looked; a change in it is the cue to read them again.
type stamp struct{ cert, key fileStamp }

type fileStamp struct {
	mtime time.Time
	size  int64
}

func (f files) look(time.Time) any { return stamp{lookAt(f.cert), lookAt(f.key)} }

// lookAt follows symbolic links: a swapped link is a change. A file that is not there is the zero
// stamp.
func lookAt(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

func (files) renew() {}

// load reads the pair and checks that its parts belong together.
func (f files) load(time.Time) ([]*pair, time.Time, error) {
	chain, err := config.ReadBounded(f.cert, maxFile)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("cert_file: %w", err)
	}
	key, err := config.ReadBounded(f.key, maxFile)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("key_file: %w", err)
	}
	p, err := parsePair(FromFiles, chain, key)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s and %s: %w", f.cert, f.key, err)
	}
	return []*pair{p}, time.Time{}, nil
}

// maxFile is the size of a certificate or key file beyond which it is something else.
const maxFile = 1 << 20

// parsePair reads a chain and the key of its first certificate; both may be in one text.
func parsePair(kind Source, chain, key []byte) (*pair, error) {
	c, err := config.KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	return newPair(kind, c)
}
