package service

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// socketPathMax is what fits into sockaddr_un with its final zero byte (unix(7)).
const socketPathMax = 107

// systemPlaces are the machine's own folders for root, and for the user who owns
// /var/lib/<slug>: that is the account the service was installed for. Anybody else has the folders
// of the XDG base directory specification.
func systemPlaces(name string) (places, error) {
	slug := strings.ToLower(name)
	uid := os.Geteuid()
	if uid == 0 || owns(uid, filepath.Join("/var/lib", slug)) {
		return machinePlaces(name), nil
	}
	return userPlaces(slug, uid, os.Getenv), nil
}

// machinePlaces are those of a service that was installed.
func machinePlaces(name string) places {
	slug := strings.ToLower(name)
	return places{
		data:     filepath.Join("/var/lib", slug),
		config:   filepath.Join("/etc", slug, configName),
		logs:     filepath.Join("/var/log", slug),
		endpoint: filepath.Join("/run", slug, "holdfast.sock"),
	}
}

func userPlaces(slug string, uid int, env func(string) string) places {
	home := env("HOME")
	if !filepath.IsAbs(home) {
		home = filepath.Join(os.TempDir(), fmt.Sprintf("holdfast-%d", uid))
	}
	// A relative path in these variables is invalid and must be ignored (XDG base directory specification).
	base := func(key, fallback string) string {
		if dir := env(key); filepath.IsAbs(dir) {
			return filepath.Join(dir, slug)
		}
		return filepath.Join(fallback, slug)
	}
	state := base("XDG_STATE_HOME", filepath.Join(home, ".local", "state"))
	runtime := base("XDG_RUNTIME_DIR", filepath.Join(os.TempDir(), fmt.Sprintf("holdfast-%d", uid)))
	return places{
		data:     state,
		config:   filepath.Join(base("XDG_CONFIG_HOME", filepath.Join(home, ".config")), configName),
		logs:     filepath.Join(state, "logs"),
		endpoint: filepath.Join(runtime, "holdfast.sock"),
	}
}

// privateEndpoint is a socket inside dir, or, where that path is too long for the kernel, one with
// a short name in the user's own runtime folder. Whoever listens makes its folder private (0700).
func privateEndpoint(_, dir string) string {
	if path := filepath.Join(dir, "holdfast.sock"); len(path) <= socketPathMax {
		return path
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(runtime) || len(runtime) > socketPathMax-len("/holdfast/012345678901.sock") {
		runtime = filepath.Join("/tmp", fmt.Sprintf("holdfast-%d", os.Geteuid()))
	}
	return filepath.Join(runtime, "holdfast", shortHash(dir)+".sock")
}

func owns(uid int, dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == uid
}
