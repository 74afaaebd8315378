package migrate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/secret"
)

// TestArgv has the examples of the documentation of Microsoft's C runtime, and some more.
func TestArgv(t *testing.T) {
	for line, want := range map[string][]string{
		``:                        nil,
		`  `:                      nil,
		`a b  c`:                  {"a", "b", "c"},
		`"a b c" d e`:             {"a b c", "d", "e"},
		`"ab\"c" "\\" d`:          {`ab"c`, `\`, "d"},
		`a\\\b d"e f"g h`:         {`a\\\b`, "de fg", "h"},
		`a\\\"b c d`:              {`a\"b`, "c", "d"},
		`a\\\\"b c" d e`:          {`a\\b c`, "d", "e"},
		`a"b"" c d`:               {`ab" c d`},
		`"" x`:                    {"", "x"},
		`C:\dir\ "C:\my dir\\" z`: {`C:\dir\`, `C:\my dir\`, "z"},
		`'a b'`:                   {"'a", "b'"},
		"a\tb\r\nc":               {"a", "b", "c"},
		`\`:                       {`\`},
		`"open`:                   {"open"},
	} {
		if diff := cmp.Diff(want, argv(line)); diff != "" {
			t.Errorf("argv(%s) (-want +got):\n%s", line, diff)
		}
	}
}

// TestWords is what Python's shlex.split gives.
func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		``:                     nil,
		`a  b`:                 {"a", "b"},
		`a 'b c' "d e"`:        {"a", "b c", "d e"},
		`a\ b "c\"d" 'e\f'`:    {"a b", `c"d`, `e\f`},
		`"a\nb" x=''`:          {`a\nb`, "x="},
		`'' ""`:                {"", ""},
		`pre'mid'"post"`:       {"premidpost"},
		`# is no comment here`: {"#", "is", "no", "comment", "here"},
	} {
		got, err := words(line)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("words(%s): %v (-want +got):\n%s", line, err, diff)
		}
	}
	for _, line := range []string{`'a`, `"a`, `a\`} {
		if _, err := words(line); err == nil {
			t.Errorf("words(%s) has no error", line)
		}
	}
}

// FuzzArgv quotes arguments by the documented rules and splits them again.
func FuzzArgv(f *testing.F) {
	f.Add("a", `b "c" \`)
	f.Add("", `\\"\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		got := argv(quoteArgv(a) + " " + quoteArgv(b))
		if diff := cmp.Diff([]string{a, b}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// quoteArgv is the inverse of argv for one argument.
func quoteArgv(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(s) {
		switch s[i] {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(s[i])
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}

func TestFinal(t *testing.T) {
	for s, want := range map[string]string{
		"plain":                                  "plain",
		"a ${HOME} $x":                           "a $${HOME} $x",
		"x" + placeholder("port"):                "x${port}",
		fromEnv("A") + "/" + fromEnvOr("B", "c"): "${env:A}/${env:B:-c}",
		"\x00secret:x\x01":                       "secret:x",
		"\x00port":                               "port",
		"\x01":                                   "",
		"$\x01{file:secret}":                     "$${file:secret}",
		"$\x00{file:secret}":                     "$${file:secret}",
		"$\x00\x01{env:A}" + placeholder("port"): "$${env:A}${port}",
	} {
		if got := final(s); got != want {
			t.Errorf("final(%q) = %q, want %q", s, got, want)
		}
	}
	// What was literal is literal for the reader of the configuration, too.
	values := config.Values{App: "a", Instance: "a-1", Port: 80}
	if got := config.Expand(final("${port} "+placeholder("port")), values); got != "${port} 80" {
		t.Errorf("expanded: %q", got)
	}
}

func TestExpandPercent(t *testing.T) {
	known := func(name string) (string, bool) { return "value", name == "KNOWN" }
	for s, want := range map[string]string{
		"%KNOWN%":             "value",
		`%TEMP%\x`:            `${env:TEMP}\x`,
		"100% of 50%":         "100% of 50%",
		"%%":                  "%",
		"%ProgramFiles(x86)%": "${env:ProgramFiles(x86)}",
		"a%":                  "a%",
		"%a b%KNOWN%":         "%a bvalue",
	} {
		if got := final(expandPercent(s, known)); got != want {
			t.Errorf("%s becomes %q, want %q", s, got, want)
		}
	}
}

func TestWithPort(t *testing.T) {
	for s, want := range map[string]string{
		"8080": "${port}", ":8080": ":${port}", "0.0.0.0:80": "0.0.0.0:${port}", "[::1]:80": "[::1]:${port}",
		"http://*:5000": "http://*:${port}", "http://localhost:5000;https://localhost:5001": "http://localhost:${port}",
		"localhost:1": "localhost:${port}", "tcp://0.0.0.0:9": "tcp://0.0.0.0:${port}",
		"0": "", "65536": "", "8080:80": "", "db.example.com:5432": "", "/run/x.sock": "", "unix:/run/x": "", "+80": "", "abc": "", "": "",
		"https://localhost:5001": "",
	} {
		text, n := withPort(s)
		if got := final(text); (n > 0) != (want != "") || n > 0 && got != want {
			t.Errorf("%q becomes %q (%d), want %q", s, got, n, want)
		}
	}
}

func TestPortOfCommand(t *testing.T) {
	for line, want := range map[string]string{
		"node server.js --port 3000":              "node server.js --port ${port}",
		"node server.js -p=3000":                  "node server.js -p=${port}",
		"java -Dserver.port=8081 -jar a.jar":      "java -Dserver.port=${port} -jar a.jar",
		"java -jar a.jar --server.port=8081":      "java -jar a.jar --server.port=${port}",
		"python -m http.server 8000":              "python -m http.server ${port}",
		"python manage.py runserver 0.0.0.0:8000": "python manage.py runserver 0.0.0.0:${port}",
		"gunicorn -b 127.0.0.1:8000 app":          "gunicorn -b 127.0.0.1:${port} app",
		"php -S localhost:8000 -t public":         "php -S localhost:${port} -t public",
		"docker run -p 8000 image":                "",
		"redis --replica-of db:6379":              "",
		"app --metrics-port 9000":                 "",
		"java -p modules -m app":                  "",
		"app --port":                              "",
	} {
		a := &app{command: strings.Fields(line)}
		n, _ := a.argumentPort(0)
		if got := final(strings.Join(a.command, " ")); want == "" && n != 0 || want != "" && got != want {
			t.Errorf("%s becomes %q (%d), want %q", line, got, n, want)
		}
	}
}

// TestPortOfBoth is about a port that the environment and the command tell: other instances get another.
func TestPortOfBoth(t *testing.T) {
	for line, want := range map[string]string{
		"node server.js --port 3000": "node server.js --port ${port}",
		"node server.js --port 3001": "node server.js --port 3001",
	} {
		a := &app{command: strings.Fields(line), instances: 2, env: []variable{{"PORT", secret.New("3000")}}}
		(&reader{Result: &Result{}}).findPort(a, map[int]string{})
		if got := final(strings.Join(a.command, " ")); got != want || a.port.number != 3000 {
			t.Errorf("%s becomes %q on port %d, want %q on 3000", line, got, a.port.number, want)
		}
	}
}

func TestJoinOfWindowsPaths(t *testing.T) {
	for _, test := range []struct{ folder, name, want string }{
		{`C:\apps`, `.\a.exe`, `C:\apps\a.exe`},
		{`C:\apps`, `D:\a.exe`, `D:\a.exe`},
		{`C:\apps`, `.`, `C:\apps`},
		{``, `a.exe`, `a.exe`},
		{`/srv/copy`, `/srv/copy`, `/srv/copy`}, // %BASE% of a file that is looked at on Linux
		{`/srv/copy`, `a.exe`, `/srv/copy\a.exe`},
	} {
		if got := winJoin(test.folder, test.name); got != test.want {
			t.Errorf("%s below %s is %s, want %s", test.name, test.folder, got, test.want)
		}
	}
}

func TestName(t *testing.T) {
	for s, want := range map[string]string{
		"shop": "shop", "Shop API": "shop-api", "MyApp.Service": "myapp-service", "--x--": "x", "订单": "", "a__b": "a__b",
		"NUL": "nul-app", "com1": "com1-app", "Aux.": "aux-app", "com": "com", "com10": "com10", "lpta": "lpta",
		strings.Repeat("long ", 30): "long-long-long-long-long-long-long-long-long-long-long-long-lon",
	} {
		if got := Name(s); got != want {
			t.Errorf("Name(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	r := &reader{Result: &Result{Tool: NSSM, Files: []string{"f"}}, file: File{Name: "f"}}
	a := &app{name: "a", command: []string{"x", "--api-key=hunter2", "--password", "hunter2", "db://u:hunter2@h/"}}
	for _, name := range []string{"DB_PASSWORD", "API_KEY", "GITHUB_TOKEN", "ConnectionStrings__X"} {
		a.env = append(a.env, variable{name, secret.New("hunter2")})
	}
	a.env = append(a.env, variable{"URL", secret.New("amqp://me:hunter2@mq/")}, variable{"MAX_TOKENS", secret.New("4096")}, variable{"MODE", secret.New("x")})
	r.secrets(a)
	if len(r.notes) != 8 {
		t.Errorf("%d notes, want 8: %+v", len(r.notes), r.notes)
	}
	var b strings.Builder
	r.apps = []*app{a}
	if err := r.Report(&b); err != nil || strings.Contains(b.String(), "hunter2") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestSizesAndSpans(t *testing.T) {
	for s, want := range map[string]int64{"100": 100, "300M": 300 << 20, "1 GB": 1 << 30, "50kb": 50 << 10, "2GiB": 2 << 30, "1.5G": 3 << 29} {
		if got, err := size(s); err != nil || got != want {
			t.Errorf("size(%q) = %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "-1", "NaN", "1e300G"} {
		if _, err := size(s); err == nil {
			t.Errorf("size(%q) has no error", s)
		}
	}
	for s, want := range map[string]time.Duration{"10 sec": 10 * time.Second, "5mins": 5 * time.Minute, "1 hour": time.Hour, "2 days": 48 * time.Hour, "soon": 0, "-1 sec": 0, "1e30 sec": 0} {
		if got := winswSpan(s); got != want {
			t.Errorf("winswSpan(%q) = %v", s, got)
		}
	}
	if got := clock("01:02:03"); got != time.Hour+2*time.Minute+3*time.Second {
		t.Errorf("clock: %v", got)
	}
}

// TestScripts evaluates literals and refuses everything else.
func TestScripts(t *testing.T) {
	for source, want := range map[string]any{
		"module.exports = 1 + 2":                                3.0,
		"module.exports = 'a' + 1":                              "a1",
		"module.exports = \"\\u4e2d\\x41\\n\\'\"":               "中A\n'",
		"const x = {a: [1, 'b']}; module.exports = x.a[1]":      "b",
		"module.exports = `${__dirname}/x`":                     "/srv/x",
		"module.exports = require('path').join('a', '..', 'b')": "b",
		"module.exports = true ? 1 : f()":                       1.0,
		"module.exports = null ?? 'x'":                          "x",
		"export default {...{a: 1}, b: -2}":                     map[string]any{"a": 1.0, "b": -2.0},
		"module.exports = process.env.A":                        fromEnv("A"),
		"module.exports = process.env['A'] || 3000":             fromEnvOr("A", "3000"),
		"module.exports = parseInt('42', 10)":                   42.0,
		"module.exports = 0x10":                                 16.0,
		"module.exports = f(1)":                                 notLiteral{"f(1)"},
		"module.exports = new Date()":                           notLiteral{"new Date()"},
		"let x = 1; module.exports = y":                         notLiteral{"y"},
		"{\"a\": 1, /* c */ \"b\": [true, null]}":               map[string]any{"a": 1.0, "b": []any{true, nil}},
	} {
		got, err := readScript(source, "/srv")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(notLiteral{})); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", source, err, diff)
		}
	}
}
