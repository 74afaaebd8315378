package service

import (
	"crypto/sha1" //nolint:gosec // see ServiceSID
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// configName is the configuration file's name in every installation, whatever its Identity.
const configName = "holdfast.yaml"

// namePattern allows what is valid, unquoted, in all places that a name goes to: a service name
// (no slashes, learn.microsoft.com/windows/win32/api/winsvc/nf-winsvc-createservicew), a systemd
// unit (systemd.unit(5)), a folder, a registry key, a pipe.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Identity is who this Holdfast is on this machine. One name decides the service, its unit, its
// folders, its registry keys, its pipe or socket, its event source and its account, so that two
// names run beside each other and never touch each other's things.
//
// Names are compared without case, as Windows does: "Shop" and "shop" are one Identity on every
// system, and any other two names share nothing. Make one with NewIdentity; the zero value names
// nothing. An Identity is a value and is never changed.
type Identity struct {
	// Name is the name as it was given: "Holdfast".
	Name string

	at    places
	apart apart
}

// apart says how an Identity's places came about.
type apart int

const (
	ofName  apart = iota // they follow from the name
	private              // WithDataDir: a data folder and an endpoint of its own
	placed               // NewInstalledIdentity: a data folder that is to be the machine's
)

// places are where an Identity's things are.
type places struct {
	data, config, logs, endpoint string
}

// NewIdentity checks name: a letter or digit, then at most 63 letters, digits, ".", "_" or "-", not
// ending with ".", and none of the names that Windows keeps for itself.
func NewIdentity(name string) (Identity, error) {
	if err := checkName(name); err != nil {
		return Identity{}, err
	}
	at, err := systemPlaces(name)
	if err != nil {
		return Identity{}, fmt.Errorf("name %q: %w", name, err)
	}
	return Identity{Name: name, at: at}, nil
}

// NewInstalledIdentity is an Identity with data, a full path, as the machine's data folder, before
// or after the installer has remembered it as such (registry value DataDir of RegistryKey, which
// NewIdentity reads on Windows). The endpoint is the name's own and the service needs no argument.
func NewInstalledIdentity(name, data string) (Identity, error) {
	if err := checkName(name); err != nil {
		return Identity{}, err
	}
	at := placesBelow(filepath.Clean(data), machinePlaces(name).endpoint)
	return Identity{Name: name, at: at, apart: placed}, nil
}

func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("name %q: begin with a letter or digit, then at most 63 letters, digits, \".\", \"_\" or \"-\"", name)
	}
	if strings.HasSuffix(name, ".") {
		return fmt.Errorf("name %q: Windows drops a final \".\" from folder names; leave it out", name)
	}
	if reserved(name) {
		return fmt.Errorf("name %q: Windows keeps this name for itself; choose another", name)
	}
	return nil
}

// reserved tells device names, which are no folders, and keys and folders that belong to the system
// where a name would have its own.
func reserved(name string) bool {
	return device(name) || slices.Contains([]string{
		"application", "classes", "clients", "microsoft", "policies", "security", "system", "windows", "wow6432node",
	}, strings.ToLower(name))
}

// WithDataDir puts everything of this Identity below dir: the configuration file, the logs and the
// socket. On Windows the pipe's name carries a hash of dir. It serves tests and users without
// rights on the machine's own folders; dir is made absolute.
func (id Identity) WithDataDir(dir string) Identity {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	id.apart = private
	id.at = placesBelow(dir, privateEndpoint(id.Name, dir))
	return id
}

// placesBelow are those of an Identity that has everything in one folder.
func placesBelow(dir, endpoint string) places {
	return places{
		data:     dir,
		config:   filepath.Join(dir, configName),
		logs:     filepath.Join(dir, "logs"),
		endpoint: endpoint,
	}
}

// WithConfigFile replaces the configuration file alone; file is made absolute.
func (id Identity) WithConfigFile(file string) Identity {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	id.at.config = file
	return id
}

// String is the name.
func (id Identity) String() string { return id.Name }

// Default tells whether this is the installation named Holdfast, beside which others may run.
func (id Identity) Default() bool { return strings.EqualFold(id.Name, "Holdfast") }

// Slug is the name in lower case, as Linux' folders and units use it.
func (id Identity) Slug() string { return strings.ToLower(id.Name) }

// ServiceName is the service's key name for the SCM.
func (id Identity) ServiceName() string { return id.Name }

// DisplayName is what services.msc and systemctl show.
func (id Identity) DisplayName() string { return id.Name }

// UnitName is the systemd unit: "holdfast.service".
func (id Identity) UnitName() string { return id.Slug() + ".service" }

// DataDir holds what the service writes: %ProgramData%\Holdfast (or where the installer was told to
// put it), /var/lib/holdfast, or $XDG_STATE_HOME/holdfast for an ordinary user.
func (id Identity) DataDir() string { return id.at.data }

// ConfigFile is the main configuration file: %ProgramData%\Holdfast\holdfast.yaml,
// /etc/holdfast/holdfast.yaml, or $XDG_CONFIG_HOME/holdfast/holdfast.yaml.
func (id Identity) ConfigFile() string { return id.at.config }

// LogDir is the logs folder: %ProgramData%\Holdfast\logs, /var/log/holdfast, or logs below DataDir.
func (id Identity) LogDir() string { return id.at.logs }

// Endpoint is where the management API listens for this machine's CLI: the pipe \\.\pipe\Holdfast
// or the socket /run/holdfast/holdfast.sock ($XDG_RUNTIME_DIR/holdfast/holdfast.sock).
func (id Identity) Endpoint() string { return id.at.endpoint }

// RegistryKey is the key below HKEY_LOCAL_MACHINE where the installer remembers its properties.
func (id Identity) RegistryKey() string { return `SOFTWARE\` + id.Name }

// PolicyKey is the key below HKEY_LOCAL_MACHINE that Group Policy writes.
func (id Identity) PolicyKey() string { return `SOFTWARE\Policies\` + id.Name }

// EventSource is the source of this Identity's entries in the Application log.
func (id Identity) EventSource() string { return id.Name }

// FirewallRule is the name of this Identity's rule in the Windows firewall. It is never "all",
// which netsh would take for every rule.
func (id Identity) FirewallRule() string { return id.Name + " HTTP" }

// ServiceAccount is the virtual account whose SID access lists name: NT SERVICE\Holdfast. It exists
// whatever account the service runs under (SID type unrestricted).
func (id Identity) ServiceAccount() string { return `NT SERVICE\` + id.Name }

// ServiceSID is the SID of ServiceAccount: S-1-5-80 and the SHA-1 of the name in upper case, as
// `sc.exe showsid` tells. It can be used in access lists before the service exists.
func (id Identity) ServiceSID() string {
	// The name is ASCII (NewIdentity), so that each character is two bytes of UTF-16LE.
	wide := make([]byte, 0, 2*len(id.Name))
	for _, c := range []byte(strings.ToUpper(id.Name)) {
		wide = append(wide, c, 0)
	}
	sum := sha1.Sum(wide) //nolint:gosec // Windows defines it so; nothing is protected by the hash
	sid := "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}

// RunArguments are the arguments with which a service manager starts this Identity.
func (id Identity) RunArguments() []string {
	args := []string{"run", "--name", id.Name}
	if id.apart == private {
		args = append(args, "--data", id.at.data)
	}
	if id.at.config != id.ownConfig() && id.at.config != machinePlaces(id.Name).config {
		args = append(args, "--config", id.at.config)
	}
	return args
}

// installed is the Identity as its service sees it, whoever asks: an ordinary user who looks after
// the service means the machine's folders, not their own.
func (id Identity) installed() Identity {
	if id.apart != ofName {
		return id
	}
	own := id.ownConfig()
	config := id.at.config
	id.at = machinePlaces(id.Name)
	if config != own {
		id.at.config = config
	}
	return id
}

// ownConfig is the configuration file that the name and data folder alone would give.
func (id Identity) ownConfig() string {
	if id.apart != ofName {
		return filepath.Join(id.at.data, configName)
	}
	at, _ := systemPlaces(id.Name) // NewIdentity has heard of an error
	return at.config
}

// shortHash tells long or many-shaped values apart in places that are short: 12 hex digits.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
