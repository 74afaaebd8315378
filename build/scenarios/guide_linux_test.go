//go:build wine

package scenarios

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/build/scenarios/guide"
	"holdfast/build/wine"
)

// A new user follows installer/README.md, word for word: three programs become packages, are installed
// beside each other and beside Holdfast, upgraded, looked into and removed.
func TestGuide(t *testing.T) {
	m := installed(t)
	f, err := os.Open(filepath.Join(root, "installer", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := guide.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, m)
	alone := m.look()
	for _, b := range blocks {
		switch {
		case b.Verb == "fetch":
			r.fetch(b.Walk)
		case b.Verb == "run" && b.Language == "sh":
			r.shell(b)
		case b.Verb == "run" && b.Walk == "remove":
			r.everybodyAnswers()
			r.console(b)
			m.same(alone, append([]string{`* C:\packages*`}, running...)...)
		case b.Verb == "run":
			r.console(b)
		}
	}
	if len(r.heard) != 3 || len(r.versions) != 7 {
		t.Errorf("%d programs answered, in %d packages; want 3 in 7", len(r.heard), len(r.versions))
	}
	m.answers(gatewayPort, "/", greeting)
}

// reader is who follows the guide: a home folder on the machine that makes packages, and a Windows.
type reader struct {
	*machine
	home     string
	env      []string
	heard    map[int]string  // by port, the last answer
	versions map[string]bool // packages made so far
}

func newReader(t *testing.T, m *machine) *reader {
	t.Helper()
	r := &reader{machine: m, home: t.TempDir(), heard: map[int]string{}, versions: map[string]bool{}}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(string(out), "\n")
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "HOME=") {
			r.env = append(r.env, kv)
		}
	}
	r.env = append(r.env, "HOME="+r.home, "GOPATH="+values[0], "GOCACHE="+values[1], "GOMODCACHE="+values[2], "GOPROXY="+values[3])
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(m.path(`C:\ProgramData`), "Hello*", "setup", "setup.log"))
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				t.Logf("--- %s\n%s", log, tail(string(text), 40))
			}
		}
	})
	return r
}

// shell runs a block on the machine that makes packages, and takes what it made to Windows.
func (r *reader) shell(b guide.Block) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "bash", "-euo", "pipefail", "-c", b.Text)
	cmd.Dir, cmd.Env = root, r.env
	began := time.Now()
	defer func() { r.t.Logf("%5.1f s  line %d, %s", time.Since(began).Seconds(), b.Line, b.Walk) }()
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("warning:")) {
		r.t.Fatalf("line %d: %s: %v\n%s", b.Line, b.Text, err, out)
	}
	made, err := filepath.Glob(filepath.Join(r.home, "*", "*.msi"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, file := range made {
		name := filepath.Base(file)
		if r.versions[name] {
			continue
		}
		r.versions[name] = true
		if err := place(file, r.path(pkg(strings.TrimSuffix(name, ".msi")))); err != nil {
			r.t.Fatal(err)
		}
	}
}

// fetch puts the interpreter of a walk where the block would have put it.
func (r *reader) fetch(walk string) {
	r.t.Helper()
	cache := filepath.Join(root, "build", "out", "interpreters")
	var err error
	switch app := filepath.Join(r.home, "hello-"+walk, "app"); walk {
	case "node":
		err = fetched(filepath.Join(app, "node.exe"), os.Link)(wine.Node(r.t.Context(), cache))
	case "python":
		err = fetched(filepath.Join(app, "python"), func(from, to string) error { return os.CopyFS(to, os.DirFS(from)) })(
			wine.Python(r.t.Context(), filepath.Join(root, "build", "wine", "python"), cache))
	default:
		r.t.Fatalf("nothing to fetch for %s", walk)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func fetched(to string, put func(from, to string) error) func(string, error) error {
	return func(from string, err error) error {
		if err != nil {
			return err
		}
		return put(from, to)
	}
}

// console does on this Windows what a block shows, and wants its answers.
func (r *reader) console(b guide.Block) {
	r.t.Helper()
	commands, err := b.Commands()
	if err != nil {
		r.t.Fatal(err)
	}
	code := 0
	for i, c := range commands {
		line := strings.Fields(c.Text)
		switch {
		case strings.HasPrefix(c.Text, "start /wait msiexec "):
			fails := i+1 < len(commands) && strings.HasPrefix(commands[i+1].Text, "echo ")
			code = r.install(line[3:], fails)
		case c.Text == "echo %ERRORLEVEL%" && len(c.Answer) == 1 && c.Answer[0] == "1603":
			if !r.failed(code) {
				r.t.Fatalf("exit code %d, want that of 1603", code)
			}
		case line[0] == "curl" && len(line) == 2:
			r.visit(line[1], strings.Join(c.Answer, "\n"))
		case strings.HasPrefix(c.Text, `"C:\Program Files\`):
			r.cli(c)
		default:
			r.t.Fatalf("line %d: a command that no test knows: %s", b.Line, c.Text)
		}
	}
}

// install runs msiexec. One that is to fail leaves everything as it was.
func (r *reader) install(args []string, fails bool) int {
	r.t.Helper()
	var given []string
	for i, arg := range args {
		switch {
		case arg == "/qn" || arg == "/l*v" || i > 0 && args[i-1] == "/l*v": // tryMsiexec gives its own
		case strings.HasSuffix(arg, ".msi"):
			given = append(given, pkg(strings.TrimSuffix(arg, ".msi")))
		default:
			given = append(given, arg)
		}
	}
	if !fails {
		r.msiexec(given...)
		return 0
	}
	before := r.look()
	_, code := r.tryMsiexec(given...)
	r.same(before, running...)
	return code
}

// visit wants an answer of the gateway.
func (r *reader) visit(url, want string) {
	r.t.Helper()
	found := regexp.MustCompile(`^http://localhost:(\d+)(/.*)$`).FindStringSubmatch(url)
	if found == nil {
		r.t.Fatalf("curl %s: write http://localhost:PORT/", url)
	}
	port, err := strconv.Atoi(found[1])
	if err != nil {
		r.t.Fatal(err)
	}
	r.answers(port, found[2], want)
	r.heard[port] = want
}

// everybodyAnswers: all that was installed still answers, beside each other.
func (r *reader) everybodyAnswers() {
	r.t.Helper()
	for port, want := range r.heard {
		r.answers(port, "/", want)
	}
}

// cli runs an installed holdfast.exe and compares each line as far as its first number.
func (r *reader) cli(c guide.Command) {
	r.t.Helper()
	exe, rest, _ := strings.Cut(strings.TrimPrefix(c.Text, `"`), `"`)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	got, code, err := r.run(ctx, exe, strings.Fields(rest)...)
	if err != nil || code != 0 {
		r.t.Fatalf("%s: exit code %d, %v\n%s", c.Text, code, err, got)
	}
	words := strings.Join(strings.Fields(got), " ") // how wide a column is depends on what is in it
	for _, line := range c.Answer {
		if number := strings.IndexAny(line, "0123456789"); number > 0 {
			line = line[:number]
		}
		r.wants(words, strings.Join(strings.Fields(line), " "))
	}
}
