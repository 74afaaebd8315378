package config

import (
	slashed "path"
	"path/filepath"
	"runtime"
	"strings"
)

// machine is the one that a configuration is for: this one, or another one (Options.Elsewhere), of
// which only the rules for paths are known.
type machine struct{ here, windows bool }

func machineOf(elsewhere string) machine {
	if elsewhere == "" {
		return machine{here: true, windows: runtime.GOOS == "windows"}
	}
	return machine{windows: elsewhere == "windows"}
}

// folder is where the relative paths of a file start. On another machine nobody knows, so that they
// stay relative to the main file.
func (l *loader) folder(file string) string {
	switch {
	case l.machine.here:
		return dirOf(file)
	case file == l.opts.File:
		return ""
	default:
		return filepath.Base(filepath.Dir(file))
	}
}

// stopMethod is the default one.
func (m machine) stopMethod() StopMethod {
	if m.windows {
		return StopCtrlC
	}
	return StopSigterm
}

// hasFolder reports whether a program is given with a folder, so that PATH is not searched for it.
func (m machine) hasFolder(name string) bool {
	return strings.Contains(name, "/") || m.windows && strings.Contains(name, `\`)
}

func (m machine) isAbs(name string) bool {
	switch {
	case m.here:
		return filepath.IsAbs(name)
	case m.windows:
		volume, rest := cutVolume(name)
		return volume != "" && strings.HasPrefix(rest, `\`)
	default:
		return slashed.IsAbs(name)
	}
}

func (m machine) join(dir, name string) string {
	switch {
	case m.here:
		return filepath.Join(dir, name)
	case m.windows:
		return m.clean(dir + `\` + name)
	default:
		return slashed.Join(dir, name)
	}
}

func (m machine) clean(name string) string {
	switch {
	case m.here:
		return filepath.Clean(name)
	case m.windows:
		volume, rest := cutVolume(name)
		if volume != "" && rest == "" {
			return volume
		}
		return volume + strings.ReplaceAll(slashed.Clean(strings.ReplaceAll(rest, `\`, "/")), "/", `\`)
	default:
		return slashed.Clean(name)
	}
}

func (m machine) base(name string) string {
	if !m.here && m.windows {
		_, name = cutVolume(name)
		name = strings.ReplaceAll(name, `\`, "/")
	} else if m.here {
		return filepath.Base(name)
	}
	return slashed.Base(name)
}

// cutVolume splits a Windows path into its drive (C:) or share (\\server\share) and the rest, with
// backslashes.
func cutVolume(name string) (volume, rest string) {
	name = strings.ReplaceAll(name, "/", `\`)
	if len(name) >= 2 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z' {
		return name[:2], name[2:]
	}
	if share, ok := strings.CutPrefix(name, `\\`); ok {
		if i := strings.IndexByte(share, '\\'); i > 0 {
			if j := strings.IndexByte(share[i+1:], '\\'); j > 0 {
				return name[:2+i+1+j], name[2+i+1+j:]
			}
			return name, ""
		}
	}
	return "", name
}
