package migrate

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// samples are the cases of a tool: folder and files.
func samples(tb testing.TB, tool Tool) map[string][]string {
	tb.Helper()
	cases := map[string][]string{}
	root := filepath.Join("testdata", string(tool))
	folders, err := os.ReadDir(root)
	if err != nil {
		tb.Fatal(err)
	}
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(root, folder.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		for _, f := range files {
			if !f.IsDir() && !strings.HasPrefix(f.Name(), "golden.") {
				cases[folder.Name()] = append(cases[folder.Name()], f.Name())
			}
		}
	}
	return cases
}

// folderOf is where the files of a sample are said to have been.
func folderOf(tool Tool, sample string) string {
	switch {
	case tool == Supervisord:
		return "/etc/supervisor"
	case tool == Sentinel:
		return "/etc/sentinel"
	case tool == PM2 && sample != "windows":
		return "/srv/shop"
	case sample == "launcher":
		return `C:\`
	default:
		return `C:\inetpub\shop`
	}
}

func systemOf(tool Tool, sample string) string {
	if strings.HasPrefix(folderOf(tool, sample), "/") {
		return "linux"
	}
	return "windows"
}

// readSample reads the files of a sample as they would be on their machine.
func readSample(t *testing.T, tool Tool, sample string, names []string) *Result {
	t.Helper()
	root := filepath.Join("testdata", string(tool), sample)
	var files []File
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{Name: name, Data: data, Folder: folderOf(tool, sample)})
	}
	include := func(folder, pattern string) ([]File, error) {
		matches, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || path.IsAbs(pattern) {
			return nil, nil //nolint:nilnil // a pattern that finds nothing is no error
		}
		var found []File
		for _, name := range matches {
			data, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return nil, err
			}
			found = append(found, File{Name: name, Data: data, Folder: path.Join(folder, path.Dir(name))})
		}
		return found, nil
	}
	r, err := Read(tool, files, Options{CPUs: 4, Include: include})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSamples reads what each tool writes, and checks that Holdfast would take the result.
func TestSamples(t *testing.T) {
	for _, tool := range Tools() {
		cases := samples(t, tool)
		if len(cases) < 3 {
			t.Errorf("%s has %d samples, want at least 3", tool, len(cases))
		}
		for sample, names := range cases {
			t.Run(string(tool)+"/"+sample, func(t *testing.T) {
				r := readSample(t, tool, sample, names)
				text, err := r.YAML(fmt.Sprintf("Written by \"holdfast import %s\".", tool))
				if err != nil {
					t.Fatal(err)
				}
				var report strings.Builder
				if err := r.Report(&report); err != nil {
					t.Fatal(err)
				}
				root := filepath.Join("testdata", string(tool), sample)
				golden(t, filepath.Join(root, "golden.yaml"), string(text))
				golden(t, filepath.Join(root, "golden.txt"), report.String())
				whole(t, r, text, systemOf(tool, sample))
			})
		}
	}
}

// whole wants the result, and the part of each app, to be a configuration without a problem.
func whole(t *testing.T, r *Result, text []byte, system string) {
	t.Helper()
	s, problems := config.Parse("golden.yaml", text, config.Options{Elsewhere: system})
	if len(problems) > 0 {
		var b strings.Builder
		if err := problems.Render(&b, false); err != nil {
			t.Error(err)
		}
		t.Errorf("Holdfast says:\n%s", b.String())
	}
	if s == nil {
		return
	}
	if len(s.Config.Apps) != len(r.Apps()) {
		t.Errorf("%d apps are in the YAML, want %v", len(s.Config.Apps), r.Apps())
	}
	for _, name := range r.Apps() {
		part, err := r.Part(name, "head")
		if err != nil {
			t.Error(err)
			continue
		}
		if _, problems := config.Parse("part.yaml", part, config.Options{Elsewhere: system}); problems.Errors() > 0 && len(s.Config.Apps[name].DependsOn) == 0 {
			t.Errorf("the part of %s: %v", name, problems.Err())
		}
	}
}

// resources are flow rules for so many resources.
func resources(n int) []string {
	var rules []string
	for i := range n {
		rules = append(rules, fmt.Sprintf(`{"resource": "/r%d", "count": 1}`, i))
	}
	return rules
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1)
	for _, tt := range []struct {
		name string
		tool Tool
		text string
		want string
	}{
		{"no such tool", "launchd", "", "there is no tool"},
		{"no registry export", NSSM, "hello", "no registry export"},
		{"a key without a service", NSSM, "REGEDIT4\n[HKEY_CURRENT_USER\\Software]\n", "no service"},
		{"not of NSSM", NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x]\n\"ImagePath\"=\"x.exe\"\n", "no program"},
		{"bad bytes", NSSM, "REGEDIT4\n[HKLM]\n\"a\"=hex:zz\n", "line 3"},
		{"an open quotation mark", NSSM, "REGEDIT4\n[HKLM]\n\"a\"=\"b\n", "not closed"},
		{"an entity", WinSW, `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><service><id>&a;</id></service>`, "document type"},
		{"an unknown entity", WinSW, `<service><id>&a;</id></service>`, "line 1"},
		{"deep", WinSW, "<service>" + deep, "nested deeper"},
		{"another root", WinSW, "<configuration/>", "not <service>"},
		{"no executable", WinSW, "<service><id>x</id></service>", "<executable>"},
		{"an unknown encoding", WinSW, `<?xml version="1.0" encoding="klingon"?><service/>`, "klingon"},
		{"no export of Servy", Servy, `{"a": 1}`, "Servy"},
		{"a call", PM2, "module.exports = makeConfig({apps: []})", "makeConfig"},
		{"apps of a call", PM2, "module.exports = {apps: list.map(x => x)}", "list.map"},
		{"nothing exported", PM2, "console.log(1)", "exports nothing"},
		{"no JavaScript", PM2, "module.exports = {apps: [", "not JavaScript"},
		{"no apps", PM2, "module.exports = {apps: []}", "no program"},
		{"a static site", WebConfig, "<configuration><system.webServer/></configuration>", "file_server"},
		{"no programs", Supervisord, "[supervisord]\n", "no program"},
		{"too many processes", Supervisord, "[program:x]\ncommand=x\nnumprocs=100000\n", "more than"},
		{"no text", Supervisord, "", "no program"},
		{"no rules", Sentinel, `{"apps": []}`, "no rule"},
		{"neither JSON nor YAML", Sentinel, "{[", "neither JSON"},
		{"JSON with comments", Sentinel, "// rules\n" + `[{"resource": "/a", "count": 5}]`, "neither JSON"},
		{"two documents", Sentinel, "- {resource: /a, count: 3}\n---\n- {resource: /b, count: 4}\n", "more than one YAML document"},
		{"more resources than fit", Sentinel, "[" + strings.Join(resources(maxApps+1), ",") + "]", "500 resources"},
		{"rules of no resource", Sentinel, `[{"resource": "", "count": 1}]`, "no rule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(tt.tool, []File{{Name: "file", Data: []byte(tt.text)}}, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Read(WinSW, []File{{Name: "big", Data: make([]byte, WinSW.maxFile()+1)}}, Options{}); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
}

// The fuzz targets read anything as a file of a tool: what is made of it is a configuration without
// errors, and its report drives no terminal.
func FuzzNSSM(f *testing.F)        { fuzzTool(f, NSSM) }
func FuzzWinSW(f *testing.F)       { fuzzTool(f, WinSW) }
func FuzzServy(f *testing.F)       { fuzzTool(f, Servy) }
func FuzzPM2(f *testing.F)         { fuzzTool(f, PM2) }
func FuzzWebConfig(f *testing.F)   { fuzzTool(f, WebConfig) }
func FuzzSupervisord(f *testing.F) { fuzzTool(f, Supervisord) }
func FuzzSentinel(f *testing.F)    { fuzzTool(f, Sentinel) }

func fuzzTool(f *testing.F, tool Tool) {
	f.Helper()
	for sample, names := range samples(f, tool) {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join("testdata", string(tool), sample, name))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(name, data)
			f.Add("\x1b[31m"+name, data) // a file's name drives no terminal either
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) { fuzzOne(t, tool, name, data) })
}

func fuzzOne(t *testing.T, tool Tool, name string, data []byte) {
	t.Helper()
	system := tool.System()
	if system == "" {
		system = "linux"
	}
	r, err := Read(tool, []File{{Name: name, Data: data, Folder: folderOf(tool, "")}}, Options{CPUs: 4})
	if err != nil {
		return
	}
	text, err := r.YAML("head")
	if err != nil {
		t.Fatal(err)
	}
	_, problems := config.Parse("fuzz.yaml", text, config.Options{Elsewhere: system})
	if problems.Errors() > 0 {
		t.Errorf("%v\n%s", problems.Err(), text)
	}
	if err := r.Report(discard{}); err != nil {
		t.Error(err)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) {
	for _, c := range string(p) {
		if c < ' ' && c != '\n' {
			return 0, errors.New("a control character reaches the terminal")
		}
	}
	return len(p), nil
}
