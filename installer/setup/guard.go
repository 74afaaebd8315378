package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"holdfast/internal/service"
)

// confMax bounds the configuration that setup copies, as internal/config does.
const confMax = 4 << 20

// guard refuses what could turn setup's rights against the machine, before anything is written. It
// tells everything that is wrong at once.
func (s *setup) guard(ctx context.Context) error {
	if err := s.checkRestricted(); err != nil {
		return err
	}
	errs := s.checkApart()
	errs = append(errs, s.checkInstall()...)
	errs = append(errs, s.checkData()...)
	if len(errs) == 0 {
		err := s.service.Check(ctx, s.registration())
		if errors.Is(err, service.ErrForeign) {
			err = fmt.Errorf("%w; remove what has the name first", err)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if s.config != "" {
		if _, err := s.disk.Read(s.config, confMax); err != nil {
			errs = append(errs, fmt.Errorf("HF_CONFIG: %s: %w", s.config, err))
		}
	}
	if len(errs) > 0 {
		return joined(errs)
	}
	return nil
}

// checkApart keeps program and data from each other and from the system's folders: the service may
// write to its data, and a removal with HF_PURGE deletes them.
func (s *setup) checkApart() []error {
	var errs []error
	for _, f := range []struct{ property, dir string }{{"DATADIR", s.data}, {"INSTALLDIR", s.install}} {
		taken := within(f.dir, s.folders.windows)
		for _, other := range append([]string{s.folders.windows}, s.folders.others...) {
			taken = taken || within(other, f.dir)
		}
		if taken {
			errs = append(errs, fmt.Errorf("%s: %s belongs to Windows; name a folder of its own", f.property, f.dir))
		}
	}
	if within(s.data, s.install) || within(s.install, s.data) {
		errs = append(errs, fmt.Errorf("DATADIR %s and INSTALLDIR %s: one is in the other; the service may write to its data, but never to its program", s.data, s.install))
	}
	return errs
}

// checkPath looks at every folder from the drive down to dir and gives the last one that exists.
func (s *setup) checkPath(property, dir string) (last string, e service.Entry, err error) {
	root := dir[:len(`C:\`)]
	v, err := s.disk.Volume(root)
	switch {
	case err != nil:
		return "", e, fmt.Errorf("%s: drive %s: %w", property, root, err)
	case !v.Fixed:
		return "", e, fmt.Errorf("%s: %s is no fixed disk of this machine; choose a folder on one", property, root)
	case !v.AccessLists:
		return "", e, fmt.Errorf("%s: the file system of %s knows no access lists; choose a folder on NTFS", property, root)
	}
	path := root
	parts := strings.Split(dir[len(root):], `\`)
	for i := 0; ; i++ {
		found, err := s.disk.Look(path)
		if err != nil {
			return "", e, fmt.Errorf("%s: %w", property, err)
		}
		if !found.Exists {
			return last, e, nil
		}
		// By a short name a folder would not be known for what it is.
		if full, err := s.disk.Full(path); err != nil || !strings.EqualFold(strings.TrimSuffix(full, `\`), strings.TrimSuffix(path, `\`)) {
			return "", e, errors.Join(fmt.Errorf("%s: %s is another name of %s; write that", property, path, cmp.Or(full, "something else")), err)
		}
		last, e = path, found
		if path != root { // whoever can make a file system can do anything on it
			if err := checkFolder(path, found); err != nil {
				return "", e, fmt.Errorf("%s: %w", property, err)
			}
		}
		if i == len(parts) {
			return last, e, nil
		}
		if len(found.Replacers) > 0 {
			return "", e, fmt.Errorf("%s: in %s, %s may rename and delete what administrators put there; take that right away, or choose a folder elsewhere",
				property, path, strings.Join(found.Replacers, ", "))
		}
		path = join(path, parts[i])
	}
}

// checkInstall wants a place for the program where ordinary users cannot change it.
func (s *setup) checkInstall() []error {
	last, e, err := s.checkPath("INSTALLDIR", s.install)
	if err != nil {
		return []error{err}
	}
	who := e.Heirs
	if last == s.install {
		who = append(slices.Clone(e.Writers), e.Heirs...)
	}
	if len(who) > 0 {
		return []error{fmt.Errorf("INSTALLDIR: %s lets %s change what is in %s, so that they could replace the program; choose a folder below Program Files, or first make this one with an access list of its own",
			last, strings.Join(slices.Compact(slices.Sorted(slices.Values(who))), ", "), s.install)}
	}
	return nil
}

// checkData wants a data folder that is new, or that administrators made for this purpose, without
// anything prepared in it.
func (s *setup) checkData() []error {
	last, e, err := s.checkPath("DATADIR", s.data)
	if err != nil {
		return []error{err}
	}
	if last != s.data {
		return nil
	}
	names, err := s.disk.List(s.data, namesMax)
	if err != nil {
		return []error{fmt.Errorf("DATADIR: %w", err)}
	}
	ours := []string{setupName, confName, "conf.d", "logs"}
	if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(ours, strings.ToLower(name)) }) {
		return []error{fmt.Errorf("DATADIR: %s has other things in it (%s, ...), and only the service could use them afterwards; name a folder of its own", s.data, names[0])}
	}
	var errs []error
	loose := e.Loose()
	for _, name := range []string{confName, confName + newSuffix, confName + oldSuffix} {
		errs = append(errs, s.checkFile(join(s.data, name), loose))
	}
	for _, dir := range []string{"conf.d", "logs", setupName} {
		errs = append(errs, s.checkFolderOf(join(s.data, dir), loose, dir == setupName)...)
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		if err := s.checkOthers(); err != nil {
			errs = append(errs, fmt.Errorf("DATADIR: %w", err))
		}
	}
	return errs
}

// checkOthers refuses the data folder of another installation: each would take the other's files for
// its own. Two products of one name would also share a service, and the one's removal end the other.
func (s *setup) checkOthers() error {
	state, err := s.remembered()
	switch {
	case err != nil || state == nil:
		return err
	case !strings.EqualFold(state.Name, s.id.Name):
		return fmt.Errorf("%s is the data folder of %q; name another", s.data, state.Name)
	case state.Product != "" && state.Product != s.product:
		return fmt.Errorf("%s is the data folder of another product of the name %s (its upgrade code is %s, and this one's %s): remove that one and rename its folder, or have this one packed under another name",
			s.data, state.Name, state.Product, s.product)
	}
	return nil
}

// checkFile refuses a file that may be another one by a link or a second name, and, where strangers
// could make files, one that they own.
func (s *setup) checkFile(file string, loose bool) error {
	e, err := s.disk.Look(file)
	switch {
	case err != nil:
		return fmt.Errorf("DATADIR: %w", err)
	case !e.Exists:
		return nil
	case e.Link:
		return fmt.Errorf("DATADIR: %s is a link to another place; put a copy in its place", file)
	case e.Folder:
		return fmt.Errorf("DATADIR: %s is a folder; remove it", file)
	case e.Names > 1:
		return fmt.Errorf("DATADIR: %s has a second name elsewhere (a hard link); put a copy in its place", file)
	case loose && !e.Trusted:
		return fmt.Errorf("DATADIR: %s belongs to %s; look at what is in it, then remove it", file, e.Owner)
	}
	return nil
}

// checkFolderOf looks at a folder in the data folder and at the files directly in it. The setup folder
// must be the administrators' alone.
func (s *setup) checkFolderOf(dir string, loose, private bool) []error {
	e, err := s.disk.Look(dir)
	switch {
	case err != nil:
		return []error{fmt.Errorf("DATADIR: %w", err)}
	case !e.Exists:
		return nil
	case e.Link || !e.Folder:
		return []error{fmt.Errorf("DATADIR: %s is a link or a file; put a folder in its place", dir)}
	case (loose || private) && !e.Trusted:
		return []error{fmt.Errorf("DATADIR: %s belongs to %s; look at what is in it, then remove it", dir, e.Owner)}
	case private && e.Loose():
		return []error{fmt.Errorf("DATADIR: %s can be changed by %s; remove it", dir, strings.Join(append(e.Writers, e.Heirs...), ", "))}
	}
	if base(dir) == "logs" { // of the many files there setup only reads one, and looks at it then
		return nil
	}
	names, err := s.disk.List(dir, namesMax)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return []error{fmt.Errorf("DATADIR: %w", err)}
	}
	var errs []error
	for _, name := range names {
		path := join(dir, name)
		if below, err := s.disk.Look(path); err == nil && below.Folder && !below.Link {
			continue // a folder below is nothing that setup touches
		}
		errs = append(errs, s.checkFile(path, loose || private || e.Loose()))
	}
	return errs
}
