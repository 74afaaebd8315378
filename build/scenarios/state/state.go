// Package state takes down what is on a Windows machine, and tells two such states apart: what an
// installation that failed must not change, and what a removal must not leave.
package state

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// State is what is on a machine: each thing, named by its kind and place, with all that matters of
// it in one line.
//
//	file C:\ProgramData\Holdfast\holdfast.yaml -> 412 bytes, 9f86d081884c
//	folder C:\ProgramData\Holdfast             -> there
//	registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Port" -> 8080
//	key HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast   -> there
//	service Holdfast                           -> RUNNING
type State map[string]string

// there is all that is known of a thing without content.
const there = "there"

// AddFiles takes down the folder dir and all below it; windows is its name there. The content of a
// file counts; below one of the places in coarse only its size and time do. A folder that is not
// there adds nothing.
func (s State) AddFiles(dir, windows string, coarse ...string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // removed while we walk, or never there
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := windows
		if rel != "." {
			name += `\` + strings.ReplaceAll(filepath.ToSlash(rel), "/", `\`)
		}
		return s.addEntry(name, path, entry, under(name, coarse))
	})
}

func under(name string, places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool {
		return strings.HasPrefix(strings.ToLower(name), strings.ToLower(place)+`\`)
	})
}

func (s State) addEntry(name, path string, entry fs.DirEntry, coarse bool) error {
	if entry.IsDir() {
		s["folder "+name] = there
		return nil
	}
	if entry.Type() == fs.ModeSymlink {
		target, err := os.Readlink(path)
		s["link "+name] = target
		return err
	}
	what, err := describe(path, coarse)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s["file "+name] = what
	return err
}

// describe is the content of a file in a line.
func describe(path string, coarse bool) (string, error) {
	f, err := os.Open(path) //nolint:gosec // a file of the machine under test
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if coarse {
		return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format("2006-01-02 15:04:05.000")), nil
	}
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	return fmt.Sprintf("%d bytes, %s", size, hex.EncodeToString(sum.Sum(nil)[:6])), err
}

// Value is a value of the registry; neither name counts case, as on Windows.
func (s State) Value(key, name string) (string, bool) {
	thing := fmt.Sprintf("registry %s %q", key, name)
	if value, ok := s[thing]; ok {
		return value, true
	}
	for other, value := range s {
		if strings.EqualFold(other, thing) {
			return value, true
		}
	}
	return "", false
}

// AddService takes down what the service manager says of a service.
func (s State) AddService(name, what string) { s["service "+name] = what }

// Change is one thing that is not as it was; an empty side says that it was or is not there.
type Change struct {
	Thing, Before, After string
}

func (c Change) String() string {
	switch {
	case c.Before == "":
		return fmt.Sprintf("+ %s: %s", c.Thing, c.After)
	case c.After == "":
		return fmt.Sprintf("- %s: %s", c.Thing, c.Before)
	default:
		return fmt.Sprintf("~ %s: %s -> %s", c.Thing, c.Before, c.After)
	}
}

// Changes are sorted by their things.
type Changes []Change

// String has one line for each change.
func (c Changes) String() string {
	lines := make([]string, 0, len(c))
	for _, change := range c {
		lines = append(lines, change.String())
	}
	return strings.Join(lines, "\n")
}

// Diff is what changed from before to after.
func Diff(before, after State) Changes {
	things := maps.Clone(before)
	maps.Copy(things, after)
	var changes Changes
	for _, thing := range slices.Sorted(maps.Keys(things)) {
		if b, a := before[thing], after[thing]; b != a {
			changes = append(changes, Change{thing, b, a})
		}
	}
	return changes
}

// Except leaves out the changes of things that a pattern names: "*" stands for any text, and case
// does not count.
//
//	file C:\ProgramData\Holdfast\logs\*
func (c Changes) Except(patterns ...string) Changes {
	return slices.DeleteFunc(slices.Clone(c), func(change Change) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			return match(strings.ToLower(pattern), strings.ToLower(change.Thing))
		})
	})
}

// match tells whether text has the parts of pattern in their order, the first at its begin and the
// last at its end.
func match(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, text, ok = strings.Cut(text, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(text, parts[last])
}
