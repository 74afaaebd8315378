package doctor

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
)

// The bits of a permission.
const (
	mayRead  = 4
	mayWrite = 2
	mayEnter = 1
)

// serviceAccount is who Holdfast runs as: the registered service's account, or whoever looks.
func (e *exam) serviceAccount() (name string, other bool) {
	if e.registeredErr == nil && e.registered.Installed && e.registered.Account != "" {
		return e.registered.Account, !strings.EqualFold(e.registered.Account, e.s.Account)
	}
	return e.s.Account, false
}

// rights looks at the folders that Holdfast writes to, and at the files that nobody else may change.
func (e *exam) rights() {
	for _, dir := range e.folders() {
		file, err := e.m.File(dir.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.missing(dir)
			continue
		case err != nil:
			e.unseen("%s %s: %v", dir.what, dir.path, reason(err))
			continue
		case !file.Folder:
			e.fail("move it away", "%s %s is not a folder", dir.what, dir.path)
			continue
		}
		if e.open(dir.what, dir.path, file) {
			continue
		}
		e.writable(dir.what, dir.path)
	}
	if file, err := e.m.File(e.s.Identity.ConfigFile()); err == nil && !file.Folder {
		e.open("configuration", e.s.Identity.ConfigFile(), file)
	}
}

// missing looks whether a folder can be made. That of a service is made by its registration.
func (e *exam) missing(dir folder) {
	account, other := e.serviceAccount()
	above := filepath.Dir(dir.path)
	for {
		if _, err := e.m.File(above); err == nil || filepath.Dir(above) == above {
			break
		}
		above = filepath.Dir(above)
	}
	if err := e.m.Write(above); !other && errors.Is(err, fs.ErrPermission) {
		e.fail(e.on("sudo install -d -o "+account+" "+quoted(dir.path), "mkdir "+quoted(dir.path)+" as administrator, then "+e.grant(account, dir.path, "(OI)(CI)M")),
			"%s %s is not there, and %s may not make it in %s", dir.what, dir.path, account, above)
		return
	}
	e.ok("%s %s is made at the first start", dir.what, dir.path)
}

type folder struct{ what, path string }

// folders are what Holdfast writes to.
func (e *exam) folders() []folder {
	all := []folder{{"data folder", e.s.Identity.DataDir()}}
	if logs := e.s.Identity.LogDir(); !strings.HasPrefix(logs, e.s.Identity.DataDir()) {
		all = append(all, folder{"logs folder", logs})
	}
	return all
}

// open tells of a file or folder that everybody may change (Linux; on Windows the service's check
// compares access lists).
func (e *exam) open(what, name string, file File) bool {
	if e.windows() || file.Mode.Perm()&mayWrite == 0 {
		return false
	}
	e.fail(e.asAdmin("chmod o-w "+quoted(name)), "%s %s may be changed by every account of this machine", what, name)
	return true
}

// writable tells whether the account that Holdfast runs as may write into a folder.
func (e *exam) writable(what, dir string) {
	account, other := e.serviceAccount()
	if !other {
		err := e.m.Write(dir)
		switch {
		case err != nil && e.s.Denied:
			e.unseen("%s %s is not for this account; nobody tells which one Holdfast runs as", what, dir)
		case err == nil:
			e.ok("%s %s can be written by %s", what, dir, account)
		case errors.Is(err, fs.ErrPermission):
			e.fail(e.on("sudo chown -R "+account+" "+quoted(dir), e.grant(account, dir, "(OI)(CI)M")), "%s %s cannot be written by %s", what, dir, account)
		default:
			e.fail(e.on("mount | grep ' / '", "fsutil volume diskfree "+dir), "%s %s cannot be written: %v", what, dir, reason(err))
		}
		return
	}
	if e.windows() {
		return // its access list is compared with the wanted one
	}
	a, err := e.m.Account(account)
	if err != nil {
		e.fail(e.admin("service install"), "account %s of the service: %v", account, err)
		return
	}
	blocked, err := e.blocked(a, dir, mayWrite|mayEnter)
	switch {
	case err != nil:
		e.unseen("%s %s: %v", what, dir, reason(err))
	case blocked != "":
		e.fail("sudo chown -R "+account+" "+quoted(dir), "%s %s cannot be written by %s, whom the service runs as: see %s", what, dir, account, blocked)
	default:
		e.ok("%s %s can be written by %s", what, dir, account)
	}
}

func (e *exam) grant(account, path, rights string) string {
	return "icacls " + quoted(path) + ` /grant "` + account + ":" + rights + `"`
}

// blocked is the first path on the way that keeps an account out; empty when none does.
func (e *exam) blocked(a Account, name string, want fs.FileMode) (string, error) {
	var way []string
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		way = append(way, dir)
		if dir == "/" || dir == "." {
			break
		}
	}
	for _, dir := range slices.Backward(way) {
		file, err := e.m.File(dir)
		if err != nil {
			return "", err
		}
		if !a.may(file, mayEnter) {
			return dir, nil
		}
	}
	file, err := e.m.File(name)
	if err != nil {
		return "", err
	}
	if !a.may(file, want) {
		return name, nil
	}
	return "", nil
}

// may is what the mode of a file says: path_resolution(7).
func (a Account) may(f File, want fs.FileMode) bool {
	perm := f.Mode.Perm()
	switch {
	case a.UID == 0:
		return true
	case f.UID == a.UID:
		perm >>= 6
	case slices.Contains(a.GIDs, f.GID):
		perm >>= 3
	}
	return perm&want == want
}

// paths looks at programs and folders through the eyes of the service's account; whether they are
// there is told with the configuration.
func (e *exam) paths() {
	if e.cfg == nil {
		e.add(Unseen, e.s.Command("check"), "not looked at: the configuration has errors")
		return
	}
	account, other := e.serviceAccount()
	a, err := e.m.Account(account)
	if err != nil && other {
		return // told with the rights
	}
	byMode := err == nil && !e.windows() && (other || !e.s.Denied)
	looked, bad, longest := 0, false, e.s.Identity.LogDir()
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Apps)) {
		app := e.cfg.Apps[name]
		for _, f := range []struct {
			what, path string
			want       fs.FileMode
		}{{"program", first(app.Command), mayEnter}, {"directory", app.Directory, mayEnter}} {
			if !e.absolute(f.path) {
				continue
			}
			if utf16Len(f.path) > utf16Len(longest) {
				longest = f.path
			}
			file, err := e.m.File(f.path)
			if err != nil {
				continue // told with the configuration
			}
			looked++
			if f.what == "program" && e.open("app "+name+": program", f.path, file) {
				bad = true
			}
			if !byMode {
				continue
			}
			if stop, err := e.blocked(a, f.path, f.want); err == nil && stop != "" {
				bad = true
				e.fail("sudo setfacl -m u:"+account+":"+e.letters(f.path, stop)+" "+quoted(stop), "app %s: %s %s is closed to %s, whom Holdfast runs as: see %s", name, f.what, f.path, account, stop)
			}
		}
	}
	if !bad && looked > 0 {
		e.ok("%s of apps can be used by %s", many(looked, "program or folder", "programs and folders"), account)
	}
	e.longPaths(longest)
}

// letters are what setfacl is to allow: to enter a folder on the way, or to read and run the rest.
func (*exam) letters(wanted, stop string) string {
	if wanted != stop {
		return "x"
	}
	return "rx"
}

func first(command []string) string {
	if len(command) == 0 {
		return ""
	}
	return command[0]
}

func (e *exam) absolute(name string) bool {
	if e.windows() {
		return len(name) > 2 && name[1] == ':' && strings.ContainsAny(name[2:3], `\/`)
	}
	return strings.HasPrefix(name, "/") && !strings.Contains(name, "${")
}

// longPathRoom is how much of Windows' 260 characters the files below a folder need.
const longPathRoom = 40

func (e *exam) longPaths(longest string) {
	if !e.windows() || utf16Len(longest) < 260-longPathRoom {
		return
	}
	on, err := e.m.LongPaths()
	switch {
	case err != nil:
		e.unseen("whether this machine allows long paths: %v", reason(err))
	case on:
		e.ok("this machine allows long paths (%d characters are used)", utf16Len(longest))
	default:
		e.warn(`reg add HKLM\SYSTEM\CurrentControlSet\Control\FileSystem /v LongPathsEnabled /t REG_DWORD /d 1 /f`,
			"paths of %d characters are used (%s), and this machine allows programs 260", utf16Len(longest), longest)
	}
}

func utf16Len(s string) int { return len(utf16.Encode([]rune(s))) }

// reason is an error without the path that the finding names already.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
