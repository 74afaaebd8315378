package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

func newRegistrar() registrar { return unitRegistrar{linux{}} }

// linux is this machine.
type linux struct{}

// booted is sd_booted(3).
func (linux) booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

func (linux) systemctl(ctx context.Context, args ...string) (string, error) {
	return command(ctx, "systemctl", append([]string{"--no-ask-password"}, args...)...)
}

func command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // fixed programs; the names in args were checked by NewIdentity
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, errText bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errText
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: %s is not on this machine; install systemd, or let another supervisor start: holdfast run", ErrNoManager, name)
	}
	if err != nil {
		text := strings.TrimSpace(errText.String())
		if denied(text) {
			return "", fmt.Errorf("%w; run it with sudo", ErrDenied)
		}
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return out.String(), nil
}

func denied(text string) bool {
	for _, s := range []string{"Access denied", "Interactive authentication required", "Permission denied", "authentication is required"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func (linux) userExists(name string) (bool, error) {
	_, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return false, nil
	}
	return err == nil, err
}

func (linux) makeUser(ctx context.Context, name, home string) error {
	_, err := command(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home,
		"--shell", "/usr/sbin/nologin", name)
	return err
}

func (linux) folderExists(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !info.IsDir() {
		err = errors.New("is no folder")
	}
	return err == nil, permission(err)
}

func (linux) makeFolder(dir, owner string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return permission(err)
	}
	u, err := user.Lookup(owner)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return permission(os.Lchown(dir, uid, gid))
}

func (linux) read(file string) (string, bool, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the unit and the configuration of our own Identity
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return string(data), err == nil, permission(err)
}

// write replaces file in one step, so that nobody reads half of it.
func (linux) write(file, content string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // /etc/<slug> is public as all of /etc
		return permission(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".holdfast-*")
	if err != nil {
		return permission(err)
	}
	_, err = tmp.WriteString(content)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return permission(err)
}

func (linux) remove(file string) error { return permission(os.Remove(file)) }

// permission says what to do about a missing right.
func permission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; run it with sudo: %w", ErrDenied, err)
	}
	return err
}
