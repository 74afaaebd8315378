package migrate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/secret"
)

// app is one program as Holdfast's configuration has it. Zero values are the defaults and are not
// written. Texts may hold placeholders of ours, see placeholder.
type app struct {
	name    string // ours, set by finish
	title   string // the tool's
	origin  string // what the comment above it says
	file    File
	windows bool
	notes   []int // in Result.notes

	command   []string
	directory string
	env       []variable
	instances int
	manual    bool     // not started with Holdfast
	needs     []needed // what it depends on, in the tool's words
	dependsOn []string

	port      port
	restart   restart
	stop      stop
	memory    int64 // limits.memory
	recycle   int64 // limits.memory_recycle
	startup   time.Duration
	onFailure []string
	maxSize   int64
	maxFiles  *int
	timeout   time.Duration // of the route
	path      string        // path prefix of the route
	rules     *rules        // of a route without an app of ours: Sentinel's
}

// variable is one of the environment.
type variable struct {
	name  string
	value secret.Value
}

// needed is something that has to run before.
type needed struct{ place, name string }

// port is what is known about where the program listens.
type port struct {
	number int
	auto   bool   // the program reads the port from the environment or its command
	why    string // a comment
}

func (p port) known() bool { return p.auto || p.number > 0 }

type restart struct {
	policy                          string
	backoff, maxBackoff, resetAfter time.Duration
	window                          time.Duration
	maxRestarts                     *int
	noRestart                       []int64
}

type stop struct {
	method string
	grace  time.Duration
}

// setenv adds or replaces a variable; on Windows the case of names does not matter.
func (a *app) setenv(name, value string) {
	for i, v := range a.env {
		if v.name == name || a.windows && strings.EqualFold(v.name, name) {
			a.env[i].value = secret.New(value)
			return
		}
	}
	a.env = append(a.env, variable{name, secret.New(value)})
}

// getenv is the value of a variable of the app.
func (a *app) getenv(name string) (string, bool) {
	for _, v := range a.env {
		if v.name == name || a.windows && strings.EqualFold(v.name, name) {
			return v.value.Reveal(), true
		}
	}
	return "", false
}

func (a *app) unsetenv(name string) {
	a.env = slices.DeleteFunc(a.env, func(v variable) bool {
		return v.name == name || a.windows && strings.EqualFold(v.name, name)
	})
}

// finish gives names, ports and dependencies once all files are read.
func (r *reader) finish() {
	for _, a := range r.apps {
		a.name = r.name(a)
		for _, i := range a.notes {
			r.notes[i].App = a.name
		}
	}
	taken := map[int]string{gatewayPort: "the gateway", 9180: "the management API"}
	for _, a := range r.apps {
		r.file = a.file
		if a.rules != nil {
			continue
		}
		a.bound(r)
		r.findPort(a, taken)
		r.secrets(a)
		r.depend(a)
	}
	if r.more > 0 {
		r.notes = append(r.notes, Note{
			Place: r.Files[0], What: fmt.Sprintf("%d further notes", r.more),
			Why: "there are too many to show", Do: "import fewer files at once",
		})
		r.more = 0
	}
	if len(r.Files) == 1 {
		for i, n := range r.notes {
			if _, place, ok := strings.Cut(n.Place, placeSeparator); ok {
				r.notes[i].Place = place
			}
		}
	}
}

// bound keeps values within what the configuration takes, and says where it cannot.
func (a *app) bound(r *reader) {
	for len(a.command) > 0 && a.command[0] == "" {
		a.command = a.command[1:]
	}
	if len(a.command) == 0 {
		a.command = []string{"true"}
		r.lost(a, "", "no program to run", "its command is empty", "write the command")
	}
	switch {
	case a.instances < 1:
		a.instances = 1
	case a.instances > 1000:
		r.lost(a, "", fmt.Sprintf("%d instances", a.instances), "Holdfast runs at most 1000 of an app", "it has 1000 now; write fewer")
		a.instances = 1000
	}
	kept := a.env[:0]
	for _, v := range a.env {
		if v.name == "" || strings.ContainsAny(v.name, "=\x00\x01") || strings.ContainsFunc(v.name, func(c rune) bool { return c < ' ' || c == 0x7F }) {
			r.lost(a, "environment", v.name, "this cannot be the name of a variable", "write it under a name of letters, digits and _")
			continue
		}
		kept = append(kept, v)
	}
	a.env = kept
	if a.restart.backoff > 0 && a.restart.maxBackoff < a.restart.backoff {
		a.restart.maxBackoff = 0
		if a.restart.backoff > config.DefaultApp().Restart.MaxBackoff.D() {
			a.restart.maxBackoff = a.restart.backoff
		}
	}
	if n := a.restart.maxRestarts; n != nil && (*n < 0 || *n > 1_000_000) {
		a.restart.maxRestarts = nil
	}
	if a.restart.window > 0 {
		a.restart.window = max(a.restart.window, time.Second)
	}
	if a.maxSize > 0 {
		a.maxSize = max(a.maxSize, 1<<10)
	}
	if a.maxFiles != nil {
		*a.maxFiles = min(max(*a.maxFiles, 0), 1000)
	}
	for _, size := range []*int64{&a.memory, &a.recycle} {
		if *size > 0 {
			*size = max(*size, 1<<20)
		}
	}
}

// depend resolves what an app needs among the imported apps.
func (r *reader) depend(a *app) {
	for _, n := range a.needs {
		var other *app
		for _, b := range r.apps {
			if b != a && strings.EqualFold(b.title, n.name) {
				other = b
				break
			}
		}
		switch {
		case other == nil:
			r.unmet(a, n)
		case other.reaches(a, r.apps, 0):
			r.lost(a, n.place, n.name, "the two would wait for each other", "remove one of the two dependencies")
		case !slices.Contains(a.dependsOn, other.name):
			a.dependsOn = append(a.dependsOn, other.name)
		}
	}
}

// unmet notes a dependency on something that Holdfast does not run.
func (r *reader) unmet(a *app, n needed) {
	do := "let the program wait for it, or import it too and add depends_on"
	if a.windows {
		do = fmt.Sprintf("let Holdfast's own service wait for it: sc config Holdfast depend= %q", n.name)
	}
	r.lost(a, n.place, n.name, "depends_on names apps that Holdfast runs, and this is none", do)
}

// reaches reports whether a depends on to, over others too.
func (a *app) reaches(to *app, apps []*app, depth int) bool {
	if a == to {
		return true
	}
	if depth > len(apps) {
		return false
	}
	for _, b := range apps {
		if b != a && slices.Contains(a.dependsOn, b.name) && b.reaches(to, apps, depth+1) {
			return true
		}
	}
	return false
}

// name makes a good name of the title, else of the program's, and a new one of a taken one.
func (r *reader) name(a *app) string {
	name := Name(a.title)
	if strings.Trim(name, "0123456789-_") == "" && len(a.command) > 0 { // nothing is left of "订单服务2" but the 2
		base := path.Base(strings.ReplaceAll(final(a.command[0]), `\`, "/"))
		name = cmp.Or(Name(strings.TrimSuffix(strings.ToLower(base), ".exe")), name)
	}
	name = cmp.Or(name, "app")
	unique := name
	for i := 2; r.names[unique]; i++ {
		suffix := fmt.Sprintf("-%d", i)
		unique = strings.TrimRight(name[:min(len(name), maxName-len(suffix))], "-_") + suffix
	}
	r.names[unique] = true
	return unique
}

const maxName = 63

// Name makes a name as the configuration wants it (lower-case letters, digits, - and _) of any text;
// empty when nothing is left of it.
func Name(text string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(final(text)) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxName {
			break
		}
	}
	name := strings.Trim(b.String(), "-_")
	if isDevice(name) {
		name += "-app"
	}
	return name
}

// isDevice tells the names that no file may have on Windows: what is written to nul.yaml is lost there
// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
func isDevice(name string) bool {
	switch name {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(name) == 4 && (name[:3] == "com" || name[:3] == "lpt") && name[3] >= '0' && name[3] <= '9'
}
