package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Reason is one reason for which an app does not start, and how Holdfast tells it.
type Reason struct {
	// Name is the reason in words.
	Name string
	// Told are fragments of the texts that tell it: of holdfast check or doctor first, where it can be
	// known before the start, then of holdfast status.
	Told []string
	// Cure is what to do.
	Cure string
	// Proof is the test, from the project's top folder, in which every fragment of Told comes out of
	// Holdfast itself.
	Proof string
}

// reasonGroups are the reasons, in the order in which a start meets them.
func reasonGroups() []struct {
	title   string
	reasons []Reason
} {
	const (
		story   = "cmd/holdfast/testdata/script/reasons.txt"
		files   = "internal/config/program_test.go"
		linux   = "internal/process/starterror_linux_test.go"
		windows = "internal/process/start_windows_test.go"
		ports   = "internal/port/port_test.go"
		rules   = "internal/doctor/rules_linux_test.go"
		advice  = "internal/supervise/dossier_test.go"
	)
	return []struct {
		title   string
		reasons []Reason
	}{
		{"The program", []Reason{
			{"Executable missing", []string{"no/such/program is not there", "no/such/program does not exist; install the program"}, "Install it, or correct the path. Relative paths start at the folder of the configuration file.", story},
			{"Not in PATH", []string{`there is no program "no-such-program" in PATH`, "is in none of the folders of PATH"}, "Install it for all users, write its whole path, or set `PATH` in `env`. A service has the machine's `PATH`, not yours.", story},
			{"A whole command line as one entry", []string{`there is no program "no-such-program" in PATH`}, "Every argument is an entry of its own: `[node, server.js]`.", story},
			{"Not executable", []string{"plain.py is not executable"}, "`chmod +x FILE`, or put the interpreter before it.", story},
			{"Closed to Holdfast's account", []string{"is closed to holdfast, whom Holdfast runs as"}, "`holdfast doctor` prints the `setfacl` command (Linux). Windows: grant the service's account Read & Execute (`icacls`).", rules},
			{"A folder", []string{"closed is a folder, not a file", "closed is a folder; name the program in it"}, "Name the program in it.", story},
			{"Script without an interpreter", []string{"is a script that does not name its interpreter", "a script needs a first line such as #!/bin/sh"}, "Begin it with `#!/bin/sh` or the like, or put the interpreter first: `[sh, FILE]`.", story},
			{"Script saved on Windows", []string{"ends its first line as Windows does"}, "`sed -i 's/\\r$//' FILE`", files},
			{"Interpreter missing", []string{"names the interpreter /no/such/python3 in its first line, which is not there", "as its interpreter, which does not exist"}, "Install it, or correct the first line.", story},
			{"A source or library instead of a program (.py .js .jar .dll .sh .ps1 ...)", []string{"server.js is not a program but needs one to run it"}, "Put the interpreter first: `[python3, app.py]`, `[node, server.js]`, `[java, -jar, app.jar]`, `[dotnet, app.dll]`.", story},
			{"Built for another processor", []string{"is built for arm64, and this machine is amd64"}, "Install the build for this machine.", files},
			{"Built for another system", []string{"foreign is a program of Windows", "exec format error: it is a Windows program"}, "Install the build for this machine.", story},
			{"Built with another C library (Linux)", []string{"needs the loader /lib/no-such-musl.so.1, which does not exist"}, "Install the build for this distribution (musl or glibc).", linux},
			{"Not a program of Windows", []string{"is not a program of Windows; a script needs its interpreter first"}, "Name an `.exe`, or put the interpreter first.", windows},
			{"Batch file with arguments that cmd.exe would interpret (Windows)", []string{"which cmd.exe would interpret"}, "Start the program that the batch file starts, or hand the value over in `env`.", windows},
			{"No descriptor, process or memory left", []string{"no file descriptor is left"}, "Holdfast tries again by itself. Raise the limit that the text names.", linux},
		}},
		{"Its surroundings", []Reason{
			{"Directory missing", []string{"no/such/folder is not there", "no/such/folder does not exist; create it"}, "Create it, or change `directory`.", story},
			{"Directory is a file", []string{"plain.py is a file, not a folder", "plain.py is not a folder"}, "Name the folder that holds it.", story},
			{"Directory closed to Holdfast's account", []string{"access denied"}, "Let the account enter every folder on the way; `holdfast doctor` prints the command.", linux},
			{"Bad environment: NUL character", []string{"the value of TOKEN holds a NUL character"}, "Have the program read the value from a file. Names with `=` are refused by the configuration, too.", story},
			{"Bad environment: too long", []string{"env: BIG has 140000 characters", "env BIG has 140004 characters, and this system allows 131072"}, "Linux allows 128 KiB per variable or argument, Windows 32767 characters: use a file.", story},
			{"Command line too long", []string{"together are too long for this system"}, "Hand the values over in a file.", linux},
			{"Waits for another app", []string{"waiting for never"}, "Look at the app that it waits for (`depends_on`).", story},
		}},
		{"Its port", []Reason{
			{"Port taken", []string{"is held by"}, "End the program that is named, change `port`, or write `auto`. `holdfast doctor` looks before the start.", story},
			{"Port taken by http.sys (Windows)", []string{"http.sys (IIS or another Windows web service; netsh http show servicestate)"}, "Stop the site or service that is shown, or change the port.", ports},
			{"Port in a range that Windows reserves", []string{"Windows reserves the ports 5000 to 5099"}, "Choose another port, or reserve it for yourself: `net stop winnat`, `netsh interface ipv4 add excludedportrange protocol=tcp startport=PORT numberofports=1`, `net start winnat`.", ports},
			{"Port below 1024 without the right (Linux)", []string{"ports below 1024 need a right"}, "Choose another port; the gateway can listen on it instead. The service's own unit gives the right.", ports},
			{"Listens on another port than its own", []string{"it listens on port"}, "Let the program read `PORT`, put `${port}` into its arguments, or write `port: NUMBER`.", story},
			{"Listens, and the probe does not succeed", []string{"does not succeed: correct startup_probe, or what it asks for"}, "Correct the path or port of `startup_probe`.", advice},
		}},
		{"Itself", []Reason{
			{"Crash at the start", []string{"it ended", "boom: no database"}, "Read its last lines: `holdfast status APP`, `holdfast logs APP`.", story},
			{"Never ready", []string{"give it more time with startup_probe.failure_threshold"}, "Raise `startup_probe.failure_threshold`, or see in its log what it waits for.", story},
		}},
	}
}

// Reasons are all reasons for which an app does not start.
func Reasons() []Reason {
	var all []Reason
	for _, g := range reasonGroups() {
		all = append(all, g.reasons...)
	}
	return all
}

// WriteTroubleshooting writes the reasons as the Markdown page configs/TROUBLESHOOTING.md.
func WriteTroubleshooting(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# An app does not start

Look in this order; each tells the cause and what to do:

` + "```" + `
holdfast check        before the start: what the configuration and the files show
holdfast doctor       the machine: ports, rights, paths, clock, disks, limits, the service
holdfast status APP   after a start: why the newest one failed, and what follows
holdfast logs APP     what the program itself wrote
` + "```" + `

The texts below are parts of what Holdfast says.
`)
	for _, g := range reasonGroups() {
		fmt.Fprintf(&b, "\n## %s\n\n| reason | Holdfast says | cure |\n| --- | --- | --- |\n", g.title)
		for _, r := range g.reasons {
			var told []string
			for _, text := range r.Told {
				told = append(told, "`"+text+"`")
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Name, strings.Join(told, "<br>"), r.Cure)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
