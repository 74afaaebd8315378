// Package migrate turns what other supervisors keep (a registry export of NSSM, the XML of WinSW, what
// Servy exports, PM2's ecosystem files, IIS's web.config, supervisord's INI, Sentinel's rules) into Holdfast's
// configuration, and lists what did not carry over.
//
// Nothing of a file is executed, nothing it names is opened except what Options.Include allows, and all
// of it is bounded. The readers know their tool; App knows Holdfast. A Result is complete: everything
// that a file asks for is in the YAML or in a Note.
package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Tool is where a file comes from.
type Tool string

// The tools, by the names that the CLI uses.
const (
	NSSM        Tool = "nssm"
	WinSW       Tool = "winsw"
	Servy       Tool = "servy"
	PM2         Tool = "pm2"
	WebConfig   Tool = "web.config"
	Supervisord Tool = "supervisord"
	Sentinel    Tool = "sentinel"
)

// Tools lists every Tool in the order in which help shows them.
func Tools() []Tool { return []Tool{NSSM, WinSW, Servy, PM2, WebConfig, Supervisord, Sentinel} }

// System is the operating system, as runtime.GOOS, on which a tool's files are used; empty when there
// are several.
func (t Tool) System() string {
	switch t {
	case NSSM, WinSW, Servy, WebConfig:
		return windows
	case Supervisord:
		return "linux"
	case PM2, Sentinel:
		return ""
	default:
		return ""
	}
}

const windows = "windows"

// maxFile bounds one file in bytes: exports of the registry are long, INI files are not.
func (t Tool) maxFile() int {
	switch t {
	case NSSM:
		return 16 << 20
	case WinSW, Servy, PM2, WebConfig, Sentinel:
		return 4 << 20
	case Supervisord:
		return 1 << 20
	default:
		return 0
	}
}

// Bounds on what is read. They are far above what people write and keep hostile files cheap.
const (
	maxFiles = 200 // files of one import, included ones too
	maxApps  = 500
	maxNotes = 2000
	maxDepth = 64      // nesting of XML, JavaScript values and expansions
	maxNodes = 200_000 // XML elements, registry values, JavaScript values
	maxText  = 64 << 10
)

// File is one file to read.
type File struct {
	// Name is how notes call it.
	Name string
	Data []byte
	// Folder is where the file is on the machine that it is for: relative paths start there. Empty when
	// it is not known.
	Folder string
}

// Options say what a file itself does not.
type Options struct {
	// Environment picks PM2's env_NAME in addition to env.
	Environment string
	// CPUs is what PM2's instances: max means (default: those of this machine).
	CPUs int
	// Include finds the files that an [include] of supervisord names by a pattern; nil leaves them out.
	Include func(folder, pattern string) ([]File, error)
}

// Result is what was found.
type Result struct {
	Tool  Tool
	Files []string
	apps  []*app
	notes []Note
}

// Note is one thing to know about an import.
type Note struct {
	// App is the app of ours that it is about, empty for the whole file.
	App string
	// Place is the file and the key in the words of the tool.
	Place string
	// What stood there.
	What string
	// Why it did not carry over, or has to be looked at.
	Why string
	// Do is what to do about it.
	Do string
	// Kept says that it did carry over, and somebody should look at it all the same.
	Kept bool
}

// Read reads files of one tool.
func Read(tool Tool, files []File, opts Options) (*Result, error) {
	if opts.CPUs <= 0 {
		opts.CPUs = runtime.NumCPU()
	}
	readers := map[Tool]func(*reader, File) error{
		NSSM: readNSSM, WinSW: readWinSW, Servy: readServy, PM2: readPM2, WebConfig: readWebConfig, Supervisord: readSupervisord,
		Sentinel: readSentinel,
	}
	read, ok := readers[tool]
	if !ok {
		return nil, fmt.Errorf("import: there is no tool %q; write %s", tool, toolList())
	}
	if len(files) > maxFiles {
		return nil, fmt.Errorf("import: %d files are too many; import at most %d at once", len(files), maxFiles)
	}
	r := &reader{Result: &Result{Tool: tool}, opts: opts, names: map[string]bool{}}
	for _, file := range files {
		if most := tool.maxFile(); len(file.Data) > most {
			return nil, fmt.Errorf("%s: the file is larger than %d MiB; is it the right one?", file.Name, most>>20)
		}
		r.file = file
		r.Files = append(r.Files, shown(file.Name))
		if err := read(r, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	r.apps = slices.DeleteFunc(r.apps, func(a *app) bool { return a.rules != nil && len(a.rules.flow)+len(a.rules.breakers) == 0 })
	if len(r.apps) == 0 {
		return nil, fmt.Errorf("%s: %w", strings.Join(r.Files, ", "), nothing(tool))
	}
	r.finish()
	return r.Result, nil
}

func toolList() string {
	var names []string
	for _, t := range Tools() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// nothing says what a file of the tool would have.
func nothing(tool Tool) error {
	if tool == Sentinel {
		return errNoRules
	}
	return errors.New("there is no program in it to run: " + map[Tool]string{
		NSSM:        `export the service's whole key: reg export HKLM\SYSTEM\CurrentControlSet\Services\NAME FILE.reg`,
		WinSW:       "a file of WinSW has a <service> with an <executable>",
		Servy:       "export the service from Servy as XML or JSON",
		PM2:         "an ecosystem file has apps, each with a script",
		WebConfig:   "it has neither httpPlatform nor aspNetCore nor an iisnode handler; static sites are a file_server route",
		Supervisord: "a file of supervisord has [program:NAME] sections with a command",
	}[tool])
}

// Apps are the names of the apps, in the order of the files.
func (r *Result) Apps() []string { return r.named(false) }

// Routes are the names of the routes that rules of Sentinel are for.
func (r *Result) Routes() []string { return r.named(true) }

func (r *Result) named(rules bool) []string {
	var names []string
	for _, a := range r.apps {
		if (a.rules != nil) == rules {
			names = append(names, a.name)
		}
	}
	return names
}

// Notes are what did not carry over, and then what did and has to be looked at.
func (r *Result) Notes() []Note {
	notes := slices.Clone(r.notes)
	order := map[string]int{}
	for i, a := range r.apps {
		order[a.name] = i + 1 // notes on the whole file come first
	}
	slices.SortStableFunc(notes, func(a, b Note) int {
		switch {
		case a.Kept == b.Kept:
			return cmp.Compare(order[a.App], order[b.App])
		case b.Kept:
			return -1
		default:
			return 1
		}
	})
	return notes
}

// placeSeparator stands between a file and the place in it.
const placeSeparator = ": "

// reader collects what one import finds.
type reader struct {
	*Result
	opts  Options
	file  File
	names map[string]bool
	more  int // notes beyond maxNotes
}

// errTooMany is told instead of going on with a file that no person wrote.
func errTooMany(what string, most int) error {
	return fmt.Errorf("there are more than %d %s; import a smaller file", most, what)
}

// add begins an app that the tool calls name.
func (r *reader) add(name, origin string) (*app, error) {
	if len(r.apps) >= maxApps {
		what := "programs"
		if r.Tool == Sentinel {
			what = "resources"
		}
		return nil, errTooMany(what, maxApps)
	}
	a := &app{title: name, origin: origin, instances: 1, file: r.file, windows: r.Tool.System() == windows}
	r.apps = append(r.apps, a)
	return a, nil
}

// lost notes what did not carry over.
func (r *reader) lost(a *app, place, what, why, do string) { r.note(a, place, what, why, do, false) }

// look notes what did carry over but should be looked at.
func (r *reader) look(a *app, place, what, why, do string) { r.note(a, place, what, why, do, true) }

func (r *reader) note(a *app, place, what, why, do string, kept bool) {
	if len(r.notes) >= maxNotes {
		r.more++
		return
	}
	n := Note{Place: shown(r.file.Name), What: shown(what), Why: shownLong(why), Do: shownLong(do), Kept: kept}
	if place != "" {
		n.Place += placeSeparator + shown(place)
	}
	if a != nil {
		n.App = a.name // until finish there is none
		a.notes = append(a.notes, len(r.notes))
	}
	r.notes = append(r.notes, n)
}

// shown is a piece of a file as a person may see it: on one line, without what drives a terminal.
func shown(s string) string {
	s = final(s)
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7F || c >= 0x80 && c < 0xA0 || c == 0x2028 || c == 0x2029 || c == 0xFEFF {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	s = strings.TrimSpace(s)
	const most = 200
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	return s
}
