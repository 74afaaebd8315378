package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// locate finds the program: a full path as it is, one with a separator from Dir on, a bare name in
// the PATH of Env. The current directory is never searched, nor relative entries of PATH.
func locate(s Spec) (string, error) {
	if info, err := os.Stat(s.Dir); err != nil || !info.IsDir() {
		return "", directoryError(s, err)
	}
	name := s.Command[0]
	switch {
	case filepath.IsAbs(name):
		return program(s, name)
	case filepath.VolumeName(name) != "" || strings.HasPrefix(name, `\`) || strings.HasPrefix(name, "/"):
		return "", &StartError{Kind: StartNotFound, ID: s.ID, Path: name, Text: fmt.Sprintf("program %q depends on the current drive or directory; write its full path", name)}
	case strings.ContainsAny(name, `\/`):
		return program(s, filepath.Join(s.Dir, name))
	}
	search := lookupEnv(s.Env, "PATH")
	for _, dir := range filepath.SplitList(search) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, err := program(s, filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", notInPath(s, search)
}

// program is path, or path with one of the extensions of programs.
func program(s Spec, path string) (string, error) {
	candidates := []string{path}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".exe" && ext != ".com" && !batchScript(path) {
		candidates = []string{path + ".com", path + ".exe", path + ".bat", path + ".cmd", path}
	}
	var folder bool
	for _, c := range candidates {
		info, err := os.Stat(c)
		if err == nil && !info.IsDir() {
			return c, nil
		}
		folder = folder || err == nil
	}
	if folder {
		return "", &StartError{Kind: StartNotExecutable, ID: s.ID, Path: path, Text: path + " is a folder; name the program in it"}
	}
	return "", startError(s, path, windows.ERROR_FILE_NOT_FOUND)
}

// lookupEnv is the last value of a variable; names have no case.
func lookupEnv(env []string, name string) string {
	value := ""
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.EqualFold(k, name) {
			value = v
		}
	}
	return value
}

func notInPath(s Spec, search string) *StartError {
	e := &StartError{Kind: StartNotFound, ID: s.ID, Path: s.Command[0], Err: windows.ERROR_FILE_NOT_FOUND}
	if search == "" {
		e.Text = fmt.Sprintf("program %q: the environment has no PATH to look it up in; write its full path", s.Command[0])
		return e
	}
	if hint := wholeLine(s.Command[0]); hint != "" {
		e.Text = fmt.Sprintf("program %q is in none of the folders of PATH; %s", s.Command[0], hint)
		return e
	}
	e.Text = fmt.Sprintf("program %q is in none of the folders of PATH (%s); install it for all users, write its full path, or set PATH in env", s.Command[0], search)
	if info, err := os.Stat(filepath.Join(s.Dir, s.Command[0])); err == nil && !info.IsDir() {
		e.Text += fmt.Sprintf(`; if you mean the one in %s, write .\%s`, s.Dir, s.Command[0])
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
		e.Text = fmt.Sprintf("directory %s: access denied for the service's account; grant it the right to read and enter the folder", s.Dir)
	default:
		e.Text = fmt.Sprintf("directory %s: %v", s.Dir, err)
	}
	return e
}

// startError turns the system's error about path into cause and cure.
func startError(s Spec, path string, err error) *StartError {
	e := &StartError{ID: s.ID, Path: path, Err: err}
	is := func(codes ...windows.Errno) bool {
		for _, c := range codes {
			if errors.Is(err, c) {
				return true
			}
		}
		return false
	}
	switch {
	case is(windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND):
		e.Kind, e.Text = StartNotFound, path+" does not exist; install the program or correct the path"
	case is(windows.ERROR_DIRECTORY):
		e.Kind, e.Path, e.Text = StartDirectory, s.Dir, fmt.Sprintf("directory %s cannot be entered; correct it or grant the service's account the right to", s.Dir)
	case is(windows.ERROR_ELEVATION_REQUIRED):
		e.Kind, e.Text = StartNotExecutable, path+" asks for administrator rights in its manifest, which a service does not give; use a build that does not"
	case is(windows.ERROR_ACCESS_DENIED):
		e.Kind, e.Text = StartNotExecutable, path+": access denied; grant the service's account Read & Execute on it (icacls), and see whether the antivirus blocks it"
	case is(windows.ERROR_BAD_EXE_FORMAT):
		e.Kind, e.Text = StartNotExecutable, path+" is not a program of Windows; a script needs its interpreter first in command ("+interpreted(path, true)+")"
	case is(windows.ERROR_EXE_MACHINE_TYPE_MISMATCH):
		e.Kind, e.Text = StartNotExecutable, path+" is built for another processor; install the build for this machine"
	case is(windows.ERROR_ACCESS_DISABLED_BY_POLICY, windows.ERROR_VIRUS_INFECTED, 4551): // 4551: ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION
		e.Kind, e.Text = StartNotExecutable, path+" is blocked by a policy or the antivirus; have it allowed there"
	case is(windows.ERROR_FILENAME_EXCED_RANGE):
		e.Kind, e.Text = StartArguments, "the command line is longer than the 32767 characters that Windows allows; shorten it"
	case is(windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION):
		e.Kind, e.Text = StartBusy, path+" is being written; wait until its installation is complete"
	case is(windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_OUTOFMEMORY, windows.ERROR_COMMITMENT_LIMIT, windows.ERROR_TOO_MANY_OPEN_FILES):
		e.Kind, e.Text = StartResources, fmt.Sprintf("the system is short of memory or handles (%v); end something or add memory", err)
	default:
		const most = 32767 // learn.microsoft.com/windows/win32/api/processenv/nf-processenv-setenvironmentvariablew
		if e.Kind, e.Text = StartArguments, tooLong(s, most); e.Text == "" {
			e.Kind, e.Text = StartOther, fmt.Sprintf("%s: %v", path, err)
		}
	}
	return e
}

// batchScript tells whether Windows runs the file by handing it to cmd.exe.
func batchScript(path string) bool {
	lower := strings.ToLower(path)
	return strings.HasSuffix(lower, ".bat") || strings.HasSuffix(lower, ".cmd")
}
