package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
)

// folder is a directory with pairs NAME.crt or NAME.pem with NAME.key; other files are none of our
// business.
type folder struct{ dir string }

func (folder) renew() {}

// look is the pairs' files with their times and sizes.
func (f folder) look(time.Time) any {
	var b strings.Builder
	all, err := f.pairs()
	if err != nil {
		return err.Error()
	}
	for _, p := range all {
		fmt.Fprintln(&b, p.cert, p.look(time.Time{}))
	}
	return b.String()
}

// pairs are the files of the pairs in the order of their names.
func (f folder) pairs() ([]files, error) {
	list, err := config.FolderPairs(f.dir)
	all := make([]files, 0, len(list))
	for _, p := range list {
		all = append(all, files{p.Certificate, p.Key})
	}
	return all, err
}

// load reads every pair. One bad pair is an error, so that the ones that are presented stay until
// whoever is writing has finished.
func (f folder) load(now time.Time) ([]*pair, time.Time, error) {
	all, err := f.pairs()
	if err != nil {
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = failed.Err
		}
		return nil, time.Time{}, fmt.Errorf("folder %s: %w", f.dir, err)
	}
	if len(all) == 0 {
		return nil, time.Time{}, fmt.Errorf("folder %s: no pair is in it: put NAME.crt (or NAME.pem) and NAME.key there", f.dir)
	}
	var pairs []*pair
	var errs []error
	for _, one := range all {
		p, _, err := one.load(now)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p[0].file = filepath.Base(one.cert)
		pairs = append(pairs, p[0])
	}
	if err := errors.Join(errs...); err != nil {
		return nil, time.Time{}, err
	}
	return slices.Clip(pairs), time.Time{}, nil
}
