package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxPairs bounds the pairs of a folder.
const maxPairs = 1000

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

// pairs are the files of the pairs in the order of their names. A certificate without a key is passed
// over: it may be an authority's, or its key not there yet.
func (f folder) pairs() ([]files, error) {
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(list))
	for _, e := range list {
		have[e.Name()] = true
	}
	var all []files
	for _, e := range list {
		ext := filepath.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext)
		if ext != ".crt" && ext != ".pem" || !have[name+".key"] || strings.HasPrefix(name, ".") {
			continue
		}
		if ext == ".pem" && have[name+".crt"] {
			continue // the same pair, or its authorities
		}
		if len(all) == maxPairs {
			return nil, fmt.Errorf("%s: more than %d pairs; spread them over several certificates", f.dir, maxPairs)
		}
		all = append(all, files{filepath.Join(f.dir, e.Name()), filepath.Join(f.dir, name+".key")})
	}
	return all, nil
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
