package msi

import (
	"cmp"
	"crypto/md5" //nolint:gosec // MsiFileHash is defined by MD5; it only tells whether a file was changed
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"holdfast/installer/wxs"
)

// sourceFile is a File element.
type sourceFile struct {
	element              *wxs.Element
	id, name, component  string
	directory, canonical string // its id, and the path by which files are ordered
	path                 string
	attributes           int
	short                string
}

// file is a File element; its row comes later, when all files are known.
func (u *unit) file(e *wxs.Element, component, directory string) {
	f := &sourceFile{element: e, id: e.Get("Id"), name: e.Get("Name"), short: e.Get("ShortName"), component: component, directory: directory, path: u.c.path(e.Get("Source"))}
	if f.name == "" {
		f.name = e.Get("Source")[strings.LastIndexAny(e.Get("Source"), `/\`)+1:]
		if f.name == "" || strings.ContainsAny(f.name, `?*|><:"`) {
			u.fail(e.At("Source"), fmt.Sprintf("%q does not end in the name of a file", e.Get("Source")), "write Name")
		}
	}
	if f.short == "" && !wxs.IsShortName(f.name) {
		f.short = shortName(f.name, true, "File", directory)
	}
	// learn.microsoft.com/windows/win32/msi/file-table
	f.attributes = bits(e, map[string]int{"ReadOnly": 1, "Hidden": 2, "System": 4, "Checksum": 1024})
	if !no(e, "Vital") {
		f.attributes |= 512
	}
	u.files = append(u.files, f)
	u.define("File", f.id, e.At("Id"))
}

// files numbers the files, assigns them to cabinets, and adds their rows.
func (c *compiler) files() {
	var all []*sourceFile
	for _, u := range c.units {
		for _, f := range u.files {
			if n := c.rows["File"][f.id]; n != nil && n.pos == f.element.At("Id") { // not a duplicate
				f.canonical = c.canonical(f.directory, 0)
				all = append(all, f)
			}
		}
	}
	// The order of WiX: folder, name, id; its names for standard directories do not matter.
	slices.SortFunc(all, func(a, b *sourceFile) int {
		return cmp.Or(strings.Compare(a.canonical, b.canonical), strings.Compare(a.name, b.name), strings.Compare(a.id, b.id))
	})
	facts := make([]fileFacts, len(all))
	for i, f := range all {
		facts[i] = c.facts(f)
	}
	c.media(all, facts)
	for i, f := range all {
		e, k := f.element, facts[i]
		c.insert("File", e.Pos, attr(e, "Id"), f.component, cell{fileName(f.short, f.name), e.At("Name")}, k.size, k.version, k.language, f.attributes, i+1)
		if k.version == "" {
			c.insert("MsiFileHash", e.Pos, attr(e, "Id"), 0, k.hash[0], k.hash[1], k.hash[2], k.hash[3])
		}
	}
}

// paths are where the bytes of the files are, by their identifiers.
func (c *compiler) paths() map[string]string {
	paths := map[string]string{}
	for _, u := range c.units {
		for _, f := range u.files {
			paths[f.id] = f.path
		}
	}
	return paths
}

// canonical is the path of a directory: the name of a standard directory, and what is below in lower
// case.
func (c *compiler) canonical(id string, depth int) string {
	if native, is := strings.CutSuffix(id, "6432Folder"); is {
		return native + "64Folder"
	}
	n := c.rows["Directory"][id]
	if _, standard := standardDirectory(id); standard || n == nil || depth > len(c.rows["Directory"]) {
		return id
	}
	parent, _ := n.row[1].(string)
	name, _ := n.row[2].(string)
	long := name[strings.Index(name, "|")+1:]
	return c.canonical(parent, depth+1) + `\` + strings.ToLower(long)
}

// media cuts the files into cabinets of at most MaximumUncompressedMediaSize MB (200 as in WiX), and
// adds the rows of Media. A Media element takes all of them into one.
func (c *compiler) media(all []*sourceFile, facts []fileFacts) {
	template, one := c.element("MediaTemplate"), c.element("Media")
	if template.Name == "" && one.Name == "" {
		c.errs.Add(c.element("Package").Pos, "the package has no cabinet", `write <MediaTemplate EmbedCab="yes"/>`)
		return
	}
	name, limit := "cab{0}.cab", int64(200)
	if template.Has("CabinetTemplate") {
		name = template.Get("CabinetTemplate")
	}
	if template.Name != "" && !strings.Contains(name, "{0}") {
		c.errs.Add(template.At("CabinetTemplate"), fmt.Sprintf("CabinetTemplate=%q", name), "write {0} where the number of the cabinet belongs")
	}
	if template.Has("MaximumUncompressedMediaSize") {
		limit = int64(integer(template.Get("MaximumUncompressedMediaSize")))
	}
	at := template.Pos
	limit <<= 20
	if one.Name != "" {
		name, at, limit = one.Get("Cabinet"), one.Pos, math.MaxInt64
	}
	var size int64
	disk := 1
	for i := range all {
		if size += int64(facts[i].size); size > limit && i > 0 {
			c.insert("Media", at, disk, i, nil, "#"+strings.ReplaceAll(name, "{0}", fmt.Sprint(disk)), nil, nil)
			disk, size = disk+1, int64(facts[i].size)
		}
	}
	c.insert("Media", at, disk, len(all), nil, "#"+strings.ReplaceAll(name, "{0}", fmt.Sprint(disk)), nil, nil)
}

// fileFacts are what a row needs to know of a file.
type fileFacts struct {
	size              int
	version, language string
	hash              [4]int // without a version
}

// facts reads a file.
func (c *compiler) facts(f *sourceFile) fileFacts {
	at := f.element.At("Source")
	k, err := readFacts(f.path)
	if err != nil {
		c.errs.Add(at, fmt.Sprintf("file %s: %v", f.element.Get("Source"), err), "")
	}
	return k
}

func readFacts(name string) (k fileFacts, err error) {
	if err := regular(name); err != nil {
		return k, err
	}
	f, err := os.Open(name) //nolint:gosec // the sources name it
	if err != nil {
		return k, reason(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	h := md5.New()  //nolint:gosec // see the import
	n, err := io.Copy(h, f)
	if err != nil {
		return k, reason(err)
	}
	if n > math.MaxInt32 {
		return k, errors.New("more than 2 GiB, which no row of the File table can hold")
	}
	k.size = int(n)
	if k.version, k.language, err = fileVersion(f); err != nil {
		return k, err
	}
	if k.version == "" && n > 0 { // an empty file has the hash 0 (MsiGetFileHash)
		sum := h.Sum(nil)
		for i := range k.hash {
			k.hash[i] = int(int32(binary.LittleEndian.Uint32(sum[4*i:]))) //nolint:gosec // the four parts are signed
		}
	}
	return k, nil
}

// regular tells what is wrong with a path that must be a file.
func regular(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return reason(err)
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	return nil
}

// reason is an error without the path, which the message has already.
func reason(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such file")
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
