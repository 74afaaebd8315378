//go:build wine || windows

package scenarios

// What is on every machine: the program that nobody here wrote, and a configuration that hosts it.
const (
	caddy    = `C:\caddy\caddy.exe`
	seedFile = `C:\seed.yaml`
	greeting = "hello from caddy"
	seed     = `version: 1
apps:
  caddy:
    command: ['C:\caddy\caddy.exe', respond, --listen, "127.0.0.1:${port}", --body, "hello from caddy"]
    stop: {method: ctrl_c, grace: 5s}
routes:
  caddy: {app: caddy}
`
)

// What an administrator added.
const (
	moreFile = dataDir + `\conf.d\more.yaml`
	more     = "routes: {more: {match: {path_prefix: /more}, respond: {status: 200, body: more}}}\n"
)

// Where Holdfast's own package puts its things.
const (
	installDir   = `C:\Program Files\Holdfast`
	dataDir      = `C:\ProgramData\Holdfast`
	config       = dataDir + `\holdfast.yaml`
	setupLog     = dataDir + `\setup\setup.log`
	holdfast     = installDir + `\holdfast.exe`
	softKey      = `SOFTWARE\Holdfast`
	serviceKey   = `SYSTEM\CurrentControlSet\Services\Holdfast`
	uninstallKey = `SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`
	eventKey     = `SYSTEM\CurrentControlSet\Services\EventLog\Application\Holdfast`
)

// install installs Holdfast 1.0.0 with the seed and waits for the gateway's answer.
func (m *machine) install(properties ...string) {
	m.t.Helper()
	m.write(seedFile, seed)
	m.msiexec(append([]string{"/i", pkg("1.0.0"), "HF_CONFIG=" + seedFile}, properties...)...)
	m.answers(gatewayPort, "/", greeting)
}
