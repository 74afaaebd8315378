package gateway

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"holdfast/internal/config"
)

// pathPlaceholder stands for the request's path in try_files.
const pathPlaceholder = "${path}"

// attempt is a name that is tried.
type attempt struct {
	name  string // canonical, without its first slash; "." is the root
	slash bool   // it ends in a slash: only a folder will do
	own   bool   // it is the request's own
}

// expand makes an attempt of an entry of try_files. The path is put in as it is and not looked at for
// placeholders or escapes again.
func expand(candidate, path string) attempt {
	text := config.ExpandRedirect(candidate, path, "")
	for strings.Contains(text, "//") { // where a path with a slash met one
		text = strings.ReplaceAll(text, "//", "/")
	}
	text = strings.TrimPrefix(text, "/")
	name := strings.TrimSuffix(text, "/")
	if name == "" {
		return attempt{name: ".", slash: true}
	}
	return attempt{name: name, slash: name != text}
}

// try serves an attempt if it is a file, or a folder that has an index; false when the next one may be
// tried. Slash says that the client's path ends in one: a folder is served only there, so that relative
// links in it lead where they should. What a folder holds is never listed.
func (f *files) try(c *call, a attempt, slash bool) bool {
	file, err := f.look(a.name)
	switch {
	case absent(err):
		return false
	case err != nil:
		f.missing(c, err)
		return true
	}
	defer file.close()
	switch {
	case file.info.IsDir() && (a.own || a.slash):
		return f.tryIndex(c, a, slash)
	case a.slash || !file.info.Mode().IsRegular():
		return false
	default:
		f.serveFile(c, &file, f.cacheControl)
		return true
	}
}

// tryIndex serves the first index file that a folder has, or sends the client to its slash.
func (f *files) tryIndex(c *call, a attempt, slash bool) bool {
	for _, index := range f.index {
		name := index
		if a.name != "." {
			name = a.name + "/" + index
		}
		if !a.own || slash {
			if f.tryFile(c, name, f.cacheControl) {
				return true
			}
			continue
		}
		if info, err := f.root.stat(name); err == nil && info.Mode().IsRegular() {
			f.toSlash(c)
			return true
		}
	}
	return false
}

// tryFile serves name if it is a file.
func (f *files) tryFile(c *call, name, cacheControl string) bool {
	file, err := f.look(name)
	if err != nil {
		if !absent(err) {
			f.missing(c, err)
			return true
		}
		return false
	}
	defer file.close()
	if !file.info.Mode().IsRegular() {
		return false
	}
	f.serveFile(c, &file, cacheControl)
	return true
}

// look opens a name and says what it is. The caller closes it.
func (f *files) look(name string) (found, error) {
	if data, info := f.root.keeper.find(f.root, name); data != nil {
		return found{name: name, info: info, kept: data}, nil
	}
	file, err := f.root.open(name)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			if info, statErr := f.root.stat(name); statErr == nil && info.IsDir() {
				return found{name: name, info: info}, nil
			}
		}
		return found{}, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // it was not read
		return found{}, err
	}
	return found{name: name, file: file, info: info}, nil
}

// absent reports whether err says that there is no such name.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}
