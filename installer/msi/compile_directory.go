package msi

import (
	"crypto/sha1" //nolint:gosec // WiX names files by it; nothing is protected by it
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"

	"holdfast/installer/wxs"
)

// directoryRef is what stands in a directory that is defined elsewhere.
func (u *unit) directoryRef(e *wxs.Element) {
	id := e.Get("Id")
	u.refer("Directory", id, e.At("Id"))
	if _, standard := standardDirectory(id); standard && e.Name == "DirectoryRef" {
		u.fail(e.At("Id"), fmt.Sprintf("%s is a standard directory", id), "write <StandardDirectory>")
	}
	u.inDirectory(e, id)
}

func (u *unit) inDirectory(e *wxs.Element, id string) {
	for _, child := range e.Children {
		if child.Name == "Directory" {
			u.directory(child, id)
		} else {
			u.component(child, id, owner{})
		}
	}
}

// directory is a Directory element and all in it.
func (u *unit) directory(e *wxs.Element, parent string) {
	id, name, short := e.Get("Id"), e.Get("Name"), e.Get("ShortName")
	if _, standard := standardDirectory(id); standard {
		u.fail(e.At("Id"), fmt.Sprintf("%s is a standard directory", id), "write <StandardDirectory>")
	}
	switch {
	case name == "" && short != "":
		u.fail(e.At("ShortName"), "ShortName without Name", "write both")
	case name == "":
		name = "." // the same folder as the one above
	case short == "" && !wxs.IsShortName(name):
		short = shortName(name, false, "Directory", parent)
	}
	u.row("Directory", e, attr(e, "Id"), parent, cell{fileName(short, name), e.At("Name")})
	u.inDirectory(e, id)
}

// fileName is a name as tables hold it: short|long, or one that is both
// (learn.microsoft.com/windows/win32/msi/filename).
func fileName(short, long string) string {
	if short == "" || strings.EqualFold(short, long) {
		return long
	}
	return short + "|" + long
}

// shortName is the 8.3 name that WiX makes for a long one: the first eight characters of the Base64 of
// SHA-1 over the name and what distinguishes it, so that it is the same in every build.
func shortName(long string, keepExtension bool, of ...string) string {
	long = strings.ToLower(long)
	sum := sha1.Sum([]byte(strings.Join(append([]string{long}, of...), "|"))) //nolint:gosec // see the import
	short := strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString(sum[:])[:8])
	if extension := path.Ext(long); keepExtension && extension != "." {
		if runes := []rune(extension); len(runes) > 4 {
			extension = string(runes[:4])
		}
		if wxs.IsShortName(short + extension) {
			short += extension
		}
	}
	return strings.ToLower(short)
}

// standardDirectories adds the standard directories that something refers to, with those above them.
func (c *compiler) standardDirectories() {
	wanted := []string{"TARGETDIR"}
	for _, u := range c.units {
		for _, r := range u.refs {
			if r.kind == "Directory" {
				wanted = append(wanted, r.id)
			}
		}
	}
	for len(wanted) > 0 {
		id := wanted[0]
		wanted = wanted[1:]
		name, standard := standardDirectory(id)
		if !standard || c.rows["Directory"][id] != nil {
			continue
		}
		parent := "TARGETDIR"
		if native, is := strings.CutSuffix(id, "6432Folder"); is {
			parent = native + "64Folder"
		}
		if id == "TARGETDIR" {
			parent = ""
		}
		c.insert("Directory", c.element("Package").Pos, id, parent, name)
		wanted = append(wanted, parent)
	}
}

// checkDirectories finds directories that lie in themselves; by DirectoryRef they can.
func (c *compiler) checkDirectories() {
	for id, n := range c.rows["Directory"] {
		up := n
		for range c.rows["Directory"] {
			parent, _ := up.row[1].(string)
			if parent == id && !c.failed(n.at[0]) {
				c.errs.Add(n.pos, fmt.Sprintf("directory %s lies in itself", id), "put it into another one")
				break
			}
			if up = c.rows["Directory"][parent]; up == nil {
				break
			}
		}
	}
}

// standardDirectory is the name of a standard directory in the package's source; Windows Installer
// itself knows where the directory is.
func standardDirectory(id string) (name string, ok bool) {
	if strings.HasSuffix(id, "6432Folder") && slices.Contains([]string{"CommonFiles6432Folder", "ProgramFiles6432Folder", "System6432Folder"}, id) {
		return ".", true
	}
	for line := range strings.SplitSeq(strings.TrimSpace(standardDirectories), "\n") {
		if fields := strings.Fields(line); fields[0] == id {
			return fields[1], true
		}
	}
	return "", false
}

// standardDirectories are the names that WiX 5 gives the standard directories. They matter only for an
// administrative image, and for being the same from both builders.
const standardDirectories = `
TARGETDIR SourceDir
AdminToolsFolder Admin
AppDataFolder AppData
CommonAppDataFolder CommApp
CommonFilesFolder CFiles
CommonFiles64Folder CFiles64
DesktopFolder Desktop
FavoritesFolder Favs
FontsFolder Fonts
LocalAppDataFolder LocalApp
MyPicturesFolder Pictures
NetHoodFolder NetHood
PersonalFolder Personal
PrintHoodFolder Printers
ProgramFilesFolder PFiles
ProgramFiles64Folder PFiles64
ProgramMenuFolder PMenu
RecentFolder Recent
SendToFolder SendTo
StartMenuFolder StrtMenu
StartupFolder StartUp
SystemFolder System
System16Folder System16
System64Folder System64
TempFolder Temp
TemplateFolder Template
WindowsFolder Windows
`
