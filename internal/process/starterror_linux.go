package process

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// startError turns the system's error about path into cause and cure.
func startError(s Spec, path string, err error) *StartError {
	e := &StartError{ID: s.ID, Path: path, Err: err}
	switch {
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		e.Kind, e.Text = StartResources, "no file descriptor is left; raise the limit of open files (ulimit -n, or LimitNOFILE= in the unit)"
	case errors.Is(err, unix.EAGAIN):
		e.Kind, e.Text = StartResources, "no process can be made; raise the limit of processes (ulimit -u, or TasksMax= in the unit) or end what fills it"
	case errors.Is(err, unix.ENOMEM):
		e.Kind, e.Text = StartResources, "the system is out of memory; end something or add memory"
	case errors.Is(err, unix.E2BIG):
		const most = 128 << 10 // MAX_ARG_STRLEN
		e.Kind, e.Text = StartArguments, tooLong(s, most)
		if e.Text == "" {
			e.Text = "the command line and the environment together are too long for this system; shorten them"
		}
	case errors.Is(err, unix.ETXTBSY):
		e.Kind, e.Text = StartBusy, fmt.Sprintf("%s is being written; wait until its installation is complete", path)
	case errors.Is(err, unix.EISDIR):
		e.Kind, e.Text = StartNotExecutable, path+" is a folder; name the program in it"
	case errors.Is(err, unix.ENOEXEC):
		e.Kind, e.Text = StartNotExecutable, path+": "+wrongFormat(path)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		e.Kind, e.Text = StartNotExecutable, notExecutable(path)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		e.Kind, e.Text = StartNotFound, notFound(path)
	default:
		e.Kind, e.Text = StartOther, fmt.Sprintf("%s: %v", path, err)
	}
	return e
}

func notInPath(s Spec, search string) *StartError {
	e := &StartError{Kind: StartNotFound, ID: s.ID, Path: s.Command[0], Err: unix.ENOENT}
	if search == "" {
		e.Text = fmt.Sprintf("program %q: the environment has no PATH to look it up in; write its full path", s.Command[0])
		return e
	}
	if hint := wholeLine(s.Command[0]); hint != "" {
		e.Text = fmt.Sprintf("program %q is in none of the folders of PATH; %s", s.Command[0], hint)
		return e
	}
	e.Text = fmt.Sprintf("program %q is in none of the folders of PATH (%s); install it, write its full path, or set PATH in env", s.Command[0], search)
	if info, err := os.Stat(filepath.Join(s.Dir, s.Command[0])); err == nil && !info.IsDir() {
		e.Text += fmt.Sprintf("; if you mean the one in %s, write ./%s", s.Dir, s.Command[0])
	}
	return e
}

func directoryError(s Spec, err error) *StartError {
	e := &StartError{Kind: StartDirectory, ID: s.ID, Path: s.Dir, Err: err}
	switch {
	case s.Dir == "":
		e.Text = "no working directory is given"
	case err == nil:
		e.Text = fmt.Sprintf("directory %s is not a folder", s.Dir)
	case errors.Is(err, os.ErrNotExist):
		e.Text = fmt.Sprintf("directory %s does not exist; create it or change directory", s.Dir)
	case errors.Is(err, os.ErrPermission):
		e.Text = fmt.Sprintf("directory %s: access denied for %s; allow it to enter every folder on the way", s.Dir, user())
	default:
		e.Text = fmt.Sprintf("directory %s: %v", s.Dir, err)
	}
	return e
}

// notFound explains ENOENT, which execve also gives when a file's interpreter is missing.
func notFound(path string) string {
	if _, err := os.Stat(path); err != nil {
		return path + " does not exist; install the program or correct the path"
	}
	if interpreter := shebang(path); interpreter != "" {
		return fmt.Sprintf("%s names %s in its first line as its interpreter, which does not exist; install it or correct the line (a line end of Windows is one reason)", path, interpreter)
	}
	if loader := elfLoader(path); loader != "" {
		return fmt.Sprintf("%s needs the loader %s, which does not exist; it was built for another distribution (for example with musl instead of glibc) or architecture", path, loader)
	}
	return path + ": something that it needs to start does not exist"
}

func notExecutable(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: access denied for %s; allow it to enter every folder on the way", path, user())
	case info.IsDir():
		return path + " is a folder; name the program in it"
	case !info.Mode().IsRegular():
		return path + " is not a regular file; name a program"
	case info.Mode()&0o111 == 0:
		return fmt.Sprintf("%s is not executable; chmod +x %s, or write its interpreter first (%s)", path, path, interpreted(path, false))
	}
	if interpreter := shebang(path); interpreter != "" && unix.Access(interpreter, unix.X_OK) != nil {
		return fmt.Sprintf("%s names %s in its first line as its interpreter, which is not executable", path, interpreter)
	}
	return fmt.Sprintf("%s may not be executed by %s; see its owner and mode, and whether its file system is mounted noexec", path, user())
}

// wrongFormat explains ENOEXEC.
func wrongFormat(path string) string {
	f, err := elf.Open(path)
	if err == nil {
		defer func() { _ = f.Close() }()
		return fmt.Sprintf("exec format error: it is built for %s and this machine is %s; install the build for this machine", strings.TrimPrefix(f.Machine.String(), "EM_"), runtime.GOARCH)
	}
	head := make([]byte, 2)
	if file, err := os.Open(path); err == nil { //nolint:gosec // the program that the configuration names
		_, _ = file.Read(head) // an empty file stays zero
		_ = file.Close()
	}
	if string(head) == "MZ" {
		return "exec format error: it is a Windows program; install the build for this machine"
	}
	return "exec format error: it is no program of this system; a script needs a first line such as #!/bin/sh, or its interpreter first in command"
}

// shebang is the interpreter in a script's first line, "" for anything else.
func shebang(path string) string {
	f, err := os.Open(path) //nolint:gosec // the program that the configuration names
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(strings.Trim(rest, " \t\n"), " ")
	if strings.HasSuffix(word, "\r") {
		return fmt.Sprintf("%q", word)
	}
	return word
}

// elfLoader is the program interpreter that an ELF file asks for.
func elfLoader(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			name := make([]byte, p.Filesz)
			if _, err := p.ReadAt(name, 0); err == nil {
				return strings.TrimRight(string(name), "\x00")
			}
		}
	}
	return ""
}

func user() string { return fmt.Sprintf("user id %d", os.Geteuid()) }
