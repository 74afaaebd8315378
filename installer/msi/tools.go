package msi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// The programs that know the file formats: msibuild and msiinfo of msitools (libmsi), and gcab.
const (
	msibuild = "msibuild"
	msiinfo  = "msiinfo"
	gcab     = "gcab"
)

// CheckTools tells which of the programs are missing, before anything is made with them.
func CheckTools() error {
	var names []string
	for _, name := range []string{msibuild, msiinfo, gcab} {
		if _, err := exec.LookPath(name); err != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return errors.New(missing(strings.Join(names, ", "), runtime.GOOS))
}

// tool runs a program in a folder, "" for the current one, and gives its standard output to out.
// Where a program reads the clock's zone or the language of its user, it reads the same everywhere.
func tool(ctx context.Context, dir string, out io.Writer, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return errors.New(missing(name, runtime.GOOS))
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // one of three programs; arguments are no shell's
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, &said
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", "LANGUAGE=C")
	err = cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", name, cause)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, firstWords(args), err, firstLine(said.String()))
	}
	return nil
}

// firstLine is what a program said first: GLib follows a problem with many more.
func firstLine(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	return line
}

// firstWords is enough of a command line to know it again.
func firstWords(args []string) string {
	const enough = 6
	if len(args) > enough {
		return strings.Join(args[:enough], " ") + fmt.Sprintf(" ... (%d more)", len(args)-enough)
	}
	return strings.Join(args, " ")
}

// missing says how to get a program. The names of the packages are those of
// packages.debian.org/msitools, formulae.brew.sh/formula/msitools and packages.msys2.org.
func missing(name, system string) string {
	switch system {
	case "linux":
		return "not installed: " + name + "; on Debian and Ubuntu: apt-get install msitools gcab; on Fedora: dnf install msitools gcab"
	case "darwin":
		return "not installed: " + name + "; brew install msitools gcab"
	case "windows":
		return "not installed: " + name + `; install MSYS2 (msys2.org), run "pacman -S mingw-w64-ucrt-x86_64-msitools mingw-w64-ucrt-x86_64-gcab" ` +
			`in it and put C:\msys64\ucrt64\bin into PATH; or build with WiX: dotnet build wix`
	default:
		return "not installed: " + name + "; it belongs to msitools and gcab (gitlab.gnome.org/GNOME/msitools)"
	}
}
