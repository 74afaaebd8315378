package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"holdfast/installer/guid"
	"holdfast/internal/service"
)

// kind is what a transaction is about.
type kind string

const (
	kindInstall kind = "install" // also a repair, other properties, and the place of another version
	kindRemove  kind = "remove"
)

// The limits of HF_HEALTHTIMEOUT.
const (
	minTimeout     = 5 * time.Second
	defaultTimeout = 60 * time.Second
	maxTimeout     = 600 * time.Second
)

// request is what Windows Installer wants, read from the arguments.
type request struct {
	given map[string]string

	id                      service.Identity // in the data folder of the request
	product                 guid.GUID
	display                 string
	version, productVersion string
	// install and data are folders in their plain form; data is empty when it cannot be one.
	install, data string
	account       string
	open          bool // HF_FIREWALL
	startType     service.StartType
	timeout       time.Duration
	config        string // the file to seed from, often empty
	purge         bool
	apps          bool // the apps belong to the product: without them it does not serve

	kind kind
	// maintained: the product is installed already. replaces: others are removed to make place.
	// replaced: another version removes this one to take its place.
	maintained, replaces, replaced bool
	// restricted: whoever runs this is no administrator. Windows Installer lets everybody repair what is
	// installed, and install what an administrator has announced.
	restricted bool
}

// newRequest reads the arguments and finds everything that is wrong with them. Without an id nothing
// can be done; everything else that a removal needs is there despite errors.
func newRequest(given map[string]string) (request, []error) {
	r := request{
		given: given, kind: kindInstall, startType: service.StartAuto, timeout: defaultTimeout,
		display:    given[argDisplay],
		config:     given[argConfig],
		maintained: given[argInstalled] != "",
		replaces:   given[argOlder] != "",
		replaced:   given[argUpgrading] != "",
		restricted: given[argRestricted] != "",
	}
	if strings.EqualFold(given[argRemove], "ALL") {
		r.kind = kindRemove
	}
	var problems []error
	check := func(property string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", property, err))
		}
	}
	var err error
	r.data, err = folderOf(given[argData])
	check("DATADIR", err)
	r.install, err = folderOf(given[argInstall])
	check("INSTALLDIR", err)
	r.id, err = service.NewInstalledIdentity(given[argName], cmp.Or(r.data, `C:\`))
	check("the product's name", err)
	check("the product's name", checkDisplay(r.display))
	r.product, err = guid.Parse(given[argProduct])
	check("the product's upgrade code", err)
	r.version, err = checkVersion(given[argVersion], "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-")
	check("the program's version", err)
	r.productVersion, err = checkVersion(given[argProductVersion], "0123456789.")
	check("the product's version", err)
	if r.id.Name != "" {
		r.account, err = service.WindowsAccount(r.id, given[argAccount])
		check("HF_ACCOUNT", err)
	}
	switch given[argApps] {
	case "", "any":
	case "ready":
		r.apps = true
	default:
		problems = append(problems, fmt.Errorf("--%s %q: any or ready", argApps, given[argApps]))
	}
	check("HF_ADDRESS", checkAddress(given[argAddress]))
	check("HF_PORT", checkPort(given[argPort]))
	r.open, err = yes(given[argFirewall])
	check("HF_FIREWALL", err)
	r.purge, err = yes(given[argPurge])
	check("HF_PURGE", err)
	if given[argStart] != "" {
		r.startType, err = checkStart(given[argStart])
		check("HF_STARTTYPE", err)
	}
	if given[argTimeout] != "" {
		r.timeout, err = checkTimeout(given[argTimeout])
		check("HF_HEALTHTIMEOUT", err)
	}
	if r.config != "" {
		check("HF_CONFIG", checkFile(r.config))
	}
	return r, problems
}

// folderOf is a folder as wix/actions.wxs gives it, with `\.` behind it.
func folderOf(text string) (string, error) {
	dir := text
	if strings.HasSuffix(dir, `\.`) {
		dir = strings.TrimSuffix(dir, ".")
	}
	if err := service.CheckFolder(dir); err != nil {
		return "", err
	}
	return strings.TrimSuffix(dir, `\`), nil
}

func checkDisplay(name string) error {
	const limit = 64
	if n := len([]rune(name)); n > limit {
		return fmt.Errorf("%d characters; at most %d", n, limit)
	}
	return nil
}

// checkVersion allows only what can be part of a file's name.
func checkVersion(text, allowed string) (string, error) {
	const limit = 64
	if text == "" || len(text) > limit || strings.Trim(text, allowed) != "" || strings.Contains(text, "..") {
		return "", fmt.Errorf("%q is none", text)
	}
	return text, nil
}

func checkAddress(text string) error {
	if text == "" || text == "*" {
		return nil
	}
	if _, err := netip.ParseAddr(text); err != nil {
		return fmt.Errorf("%q: write an IP address of this machine, or * for all of them", text)
	}
	return nil
}

func checkPort(text string) error {
	if text == "" {
		return nil
	}
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != text {
		return fmt.Errorf("%q: write a number from 1 to 65535", text)
	}
	return nil
}

func yes(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "yes":
		return true, nil
	case "", "0", "no":
		return false, nil
	}
	return false, fmt.Errorf("%q: write yes or no", text)
}

func checkStart(text string) (service.StartType, error) {
	switch t := service.StartType(strings.ToLower(text)); t {
	case service.StartAuto, service.StartDelayed, service.StartManual:
		return t, nil
	default:
		return "", fmt.Errorf("%q: write auto, delayed or manual", text)
	}
}

func checkTimeout(text string) (time.Duration, error) {
	n, err := strconv.Atoi(text)
	if d := time.Duration(n) * time.Second; err == nil && minTimeout <= d && d <= maxTimeout {
		return d, nil
	}
	return 0, fmt.Errorf("%q: write seconds, from %d to %d", text, int(minTimeout.Seconds()), int(maxTimeout.Seconds()))
}

// checkFile wants the full path of a file, on a drive or on a share: it is read once, by SYSTEM.
func checkFile(text string) error {
	file := text
	if share, ok := strings.CutPrefix(text, `\\`); ok {
		host, rest, _ := strings.Cut(share, `\`)
		if host == "" || strings.ContainsAny(host, `.?`) && strings.Trim(host, `.?`) == "" || strings.Count(rest, `\`) < 1 {
			return notAFile(text)
		}
		file = `C:\` + rest // what follows obeys the same rules
	} else if len(text) < len(`C:\x`) || text[1:3] != `:\` {
		return notAFile(text)
	}
	if strings.HasSuffix(file, `\`) {
		return fmt.Errorf("%q is a folder; name a file", text)
	}
	if err := service.CheckFolder(file); err != nil {
		return errors.New(strings.Replace(err.Error(), "folder", "file", 1))
	}
	return nil
}

func notAFile(text string) error {
	return fmt.Errorf(`%q: write the full path of a file, such as C:\holdfast.yaml or \\server\share\holdfast.yaml`, text)
}

func (r request) displayName() string { return cmp.Or(r.display, r.id.Name, "setup") }

// key tells this transaction from others that are open at the same time.
func (r request) key() string { return string(r.kind) + "-" + r.productVersion }

// program is the service's.
func (r request) program() string { return join(r.install, programName) }

const programName = "holdfast.exe"

// registration is what the service is to be.
func (r request) registration() service.Registration {
	return service.Registration{Executable: r.program(), Account: r.account, Start: r.startType, DisplayName: r.display}
}

// join is a path on Windows, wherever this runs.
func join(dir string, names ...string) string {
	return strings.TrimSuffix(dir, `\`) + `\` + strings.Join(names, `\`)
}

// base is the last part of a path on Windows.
func base(file string) string { return path.Base(strings.ReplaceAll(file, `\`, "/")) }

// parent is the folder that something is in; that of a drive is the drive.
func parent(file string) string {
	i := strings.LastIndexByte(file, '\\')
	if i <= len(`C:`) {
		return file[:len(`C:`)] + `\`
	}
	return file[:i]
}

// within tells whether a path is a folder or something below it.
func within(path, dir string) bool {
	path, dir = strings.ToLower(path), strings.ToLower(strings.TrimSuffix(dir, `\`))
	return path == dir || strings.HasPrefix(path, dir+`\`)
}
