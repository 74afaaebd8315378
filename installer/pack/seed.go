package pack

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
)

// seed checks the configuration that a package carries, as a Windows machine will read it.
type seed struct {
	findings
	tree *Tree
	name string // of the product
	arch string // x64 or arm64

	fixed bool // there are listeners
}

// check reads the configuration file called file with the content data.
func (s *seed) check(data []byte) error {
	problems := config.Check(s.file, data, config.Options{Elsewhere: "windows", InstallDir: `C:\Program Files\` + s.name, Beside: true})
	if problems.Errors() > 0 {
		var text bytes.Buffer
		_ = problems.Render(&text, false) // a buffer takes everything
		return fmt.Errorf("the configuration has %s:\n%s", problems.Summary(), bytes.TrimRight(text.Bytes(), "\n"))
	}
	for _, p := range problems {
		s.warnings = append(s.warnings, strings.TrimSuffix(fmt.Sprintf("%s: %s; %s", p.Place(), p.Message, p.Hint), "; "))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	apps := child(root, "apps")
	for _, name := range names(apps) {
		s.app(child(apps, name))
	}
	routes := child(root, "routes")
	switch {
	case len(names(apps)) == 0:
		s.warn(root, "no app is configured, so that nothing of the folder will run", "add the program under apps:, as in installer/examples")
	case len(names(routes)) == 0:
		s.unrouted(apps)
	}
	for _, name := range names(routes) {
		s.folder(child(child(child(routes, name), "file_server"), "root"), "root")
	}
	if listeners := child(root, "listeners"); len(names(listeners)) > 0 {
		s.fixed = true
		s.warn(listeners, "the listeners are fixed here, so that the properties HF_ADDRESS and HF_PORT of the installation change nothing", "leave listeners out to have one on the port of HF_PORT (8080)")
	}
	return s.err()
}

// unrouted warns of apps that answer on a port to which no request is passed on.
func (s *seed) unrouted(apps *yaml.Node) {
	for _, name := range names(apps) {
		if port, _ := scalar(child(child(apps, name), "port")); port != "none" {
			s.warn(apps, "there is no route, so that the gateway answers 404 to every request", "add routes: {"+name+": {app: "+name+"}}")
			return
		}
	}
}

// app checks the paths of one app.
func (s *seed) app(app *yaml.Node) {
	command := entries(child(app, "command"))
	if len(command) == 0 {
		return
	}
	directory := child(app, "directory")
	work, known := s.folder(directory, "directory")
	s.program(command[0], child(child(app, "env"), "PATH"))
	for _, arg := range command[1:] {
		s.argument(arg, directory, work, known)
	}
}

// folder checks the path of a folder. work is where it is in the packed folder, if known.
func (s *seed) folder(n *yaml.Node, key string) (work string, known bool) {
	text, ok := scalar(n)
	if !ok {
		return "", false
	}
	where, rel := placeOf(text)
	switch where {
	case placeApp:
		if !s.tree.Folder(rel) {
			cure := "correct it, or put the folder there"
			if _, isFile := s.tree.Find(rel); isFile {
				cure = "it is a file: write " + below(path.Dir(rel))
			}
			s.refuse(n, fmt.Sprintf("%s: there is no folder %s in the packed folder", key, rel), cure)
			return "", false
		}
		return rel, true
	case placeName, placeRelative:
		cure := "write " + below("") + " for the packed folder, or a whole path"
		if clean := path.Clean(strings.ReplaceAll(text, `\`, "/")); s.tree.Folder(clean) {
			cure = "write " + below(clean)
		}
		s.refuse(n, fmt.Sprintf(`%s: %s would be looked for in the folder of the configuration, %%ProgramData%%\%s`, key, text, s.name), cure)
	case placeForeign:
		s.refuse(n, fmt.Sprintf("%s: %s is no path of Windows", key, text), "write "+below("")+" for the packed folder, or a whole path with its drive")
	case placeOutside:
		s.warn(n, fmt.Sprintf("%s: %s is not in the package", key, text), "it must be on every machine before the service starts")
	case placeInstall:
		if rel != "" {
			s.refuse(n, fmt.Sprintf("%s: the packed folder is %s\\app; nothing else is below %s", key, installDir, installDir), "write "+below(strings.TrimPrefix(rel, "app")))
		}
	case placeUnknown:
	}
	return "", false
}

// program checks what a command starts.
func (s *seed) program(n, path *yaml.Node) {
	text, ok := scalar(n)
	if !ok {
		return
	}
	switch where, rel := placeOf(text); where {
	case placeApp:
		s.packed(n, rel)
	case placeInstall:
		if !strings.EqualFold(strings.TrimSuffix(strings.ToLower(rel), ".exe"), "holdfast") {
			s.refuse(n, fmt.Sprintf("command: the packed folder is below %s\\app, not below %s", installDir, installDir), s.instead(text))
		}
	case placeName:
		if search, _ := scalar(path); strings.Contains(search, installDir) {
			break // the app's own PATH leads into the package
		}
		cure, found := "install it on every machine for all users, or put it into the folder and write its path", s.nearest(text)
		if found != "" {
			cure = "write " + below(found)
		}
		if found != "" && strings.Count(found, "/") < 2 {
			s.refuse(n, fmt.Sprintf("command: %s is looked up in PATH, not in the packed folder", text), cure)
		} else {
			s.warn(n, fmt.Sprintf("command: %s is not in the package; the service will look it up in PATH", text), cure)
		}
	case placeRelative:
		s.refuse(n, fmt.Sprintf(`command: %s would be looked for in the folder of the configuration, %%ProgramData%%\%s`, text, s.name), s.instead(text))
	case placeForeign:
		s.refuse(n, fmt.Sprintf("command: %s is no path of Windows", text), s.instead(text))
	case placeOutside:
		s.warn(n, fmt.Sprintf("command: %s is not in the package", text), "it must be on every machine before the service starts")
	case placeUnknown:
	}
}

// packed checks a program of the packed folder.
func (s *seed) packed(n *yaml.Node, rel string) {
	f, ok := s.find(rel)
	if !ok {
		text, cure := fmt.Sprintf("command: there is no file %s in the packed folder", rel), "put it there, or correct the path"
		if s.tree.Folder(rel) {
			text, cure = fmt.Sprintf("command: %s is a folder", rel), "write the path of a program in it"
		}
		if found := s.nearest(rel); found != "" {
			cure = "write " + below(found)
		}
		s.refuse(n, text, cure)
		return
	}
	ext := strings.ToLower(path.Ext(f.Path))
	switch {
	case f.Machine == "" && ext != ".bat" && ext != ".cmd" && ext != ".com":
		s.refuse(n, fmt.Sprintf("command: %s is no program that Windows starts", f.Path), "write its interpreter before it: ["+below("node.exe")+", "+path.Base(f.Path)+"]")
	case f.Machine != "" && !f.Machine.Windows():
		s.refuse(n, fmt.Sprintf("command: %s was built for %s", f.Path, f.Machine), "build it for Windows (Go: GOOS=windows GOARCH="+s.goarch()+")")
	case s.arch == "x64" && f.Machine == machineARM64:
		s.refuse(n, fmt.Sprintf("command: %s was built for arm64; the package is for amd64", f.Path), "pack with --arch arm64, or build it for amd64")
	case s.arch == "arm64" && f.Machine == machineX64:
		s.warn(n, fmt.Sprintf("command: %s was built for amd64; the package is for arm64", f.Path), "it runs there by emulation only, from Windows 11 on; build it for arm64")
	}
}

func (s *seed) goarch() string {
	if s.arch == "arm64" {
		return "arm64"
	}
	return "amd64"
}

// find is the file of a program as the service will find it: with the extension left out, too.
func (s *seed) find(rel string) (File, bool) {
	switch strings.ToLower(path.Ext(rel)) {
	case ".com", ".exe", ".bat", ".cmd":
	default:
		for _, ext := range []string{".com", ".exe", ".bat", ".cmd"} {
			if f, ok := s.tree.Find(rel + ext); ok {
				return f, true
			}
		}
	}
	return s.tree.Find(rel)
}

// nearest is the packed program with this name that is the least deep; "" when there is none.
func (s *seed) nearest(text string) string {
	base := fold(path.Base(strings.ReplaceAll(text, `\`, "/")))
	best := ""
	for _, f := range s.tree.Files {
		name := strings.ToLower(path.Base(f.Path))
		if name != base && name != base+".exe" && name != base+".cmd" && name != base+".bat" {
			continue
		}
		if best == "" || strings.Count(f.Path, "/") < strings.Count(best, "/") {
			best = f.Path
		}
	}
	return best
}

// instead is the cure for a program that is somewhere else.
func (s *seed) instead(text string) string {
	if found := s.nearest(text); found != "" {
		return "write " + below(found)
	}
	return "put the program into the folder and write its path, such as " + below("node.exe")
}

// argument warns of an argument that names a file which will not be there.
func (s *seed) argument(n, directory *yaml.Node, work string, known bool) {
	text, ok := scalar(n)
	if !ok {
		return
	}
	if i := strings.Index(text, installDir); i >= 0 {
		if where, rel := placeOf(text[i:]); where == placeApp && !s.tree.Folder(rel) {
			if _, ok := s.tree.Find(rel); !ok {
				s.warn(n, fmt.Sprintf("there is no %s in the packed folder", rel), "correct it, unless the program makes it")
			}
		}
		return
	}
	if where, _ := placeOf(text); where != placeName && where != placeRelative || strings.HasPrefix(text, "-") || strings.Contains(text, "${") {
		return
	}
	rel := strings.ReplaceAll(text, `\`, "/")
	if _, ok := s.tree.Find(rel); !ok {
		return
	}
	if directory == nil {
		s.refuse(n, fmt.Sprintf(`%s is a file of the packed folder, but the program starts in %%ProgramData%%\%s`, text, s.name), "add directory: "+below(""))
		return
	}
	if _, ok := s.tree.Find(path.Join(work, rel)); known && !ok {
		s.warn(n, fmt.Sprintf("%s is in the packed folder, but not in directory", text), "write "+below(path.Clean(rel))+" if the file is meant")
	}
}
