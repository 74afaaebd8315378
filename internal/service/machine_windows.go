package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"
)

func newRegistrar() registrar { return scmRegistrar{machine: windowsHost{}} }

// windowsHost is this machine. Every call opens what it needs with the least right that does.
type windowsHost struct{}

// with opens the service with access and closes it after f.
func with(name string, access uint32, f func(*mgr.Service) error) error {
	scm, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return scmError(err)
	}
	defer windows.CloseServiceHandle(scm) //nolint:errcheck // nothing can be done
	ptr, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	h, err := windows.OpenService(scm, ptr, access)
	if err != nil {
		return scmError(err)
	}
	defer windows.CloseServiceHandle(h) //nolint:errcheck // nothing can be done
	return scmError(f(&mgr.Service{Name: name, Handle: h}))
}

// scmError says in our words, and with a cure, what the SCM refuses with a number.
func scmError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return fmt.Errorf("%w; run it as administrator", ErrDenied)
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
		return ErrNotInstalled
	case errors.Is(err, windows.ERROR_SERVICE_DATABASE_LOCKED):
		return errLocked
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return errors.New("it is marked for removal, but somebody holds it open; close the Services console or restart the machine")
	case errors.Is(err, windows.ERROR_SERVICE_LOGON_FAILED):
		return errors.New("its account may not log on as a service; grant it \"Log on as a service\", or choose another account")
	case errors.Is(err, windows.ERROR_SERVICE_DISABLED):
		return errors.New("it is disabled; enable it: holdfast service install --start auto")
	case errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL):
		return errors.New("it is busy with an earlier request; try again in a moment")
	case errors.Is(err, windows.ERROR_SERVICE_REQUEST_TIMEOUT):
		return errors.New("it did not connect to the service manager within 30 s; the Application log says more")
	default:
		return err
	}
}

func (windowsHost) status(name string) (Status, error) {
	var st Status
	err := with(name, windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		var p windows.SERVICE_STATUS_PROCESS
		var needed uint32
		// mgr's own Query leaves the checkpoint and wait hint out.
		err := windows.QueryServiceStatusEx(s.Handle, windows.SC_STATUS_PROCESS_INFO, (*byte)(unsafe.Pointer(&p)), uint32(unsafe.Sizeof(p)), &needed) //nolint:gosec // the SCM fills a structure that it defines
		if err != nil {
			return err
		}
		st = statusOf(p.CurrentState, p.Win32ExitCode, p.ServiceSpecificExitCode)
		st.PID, st.checkpoint = int(p.ProcessId), p.CheckPoint
		st.waitHint = time.Duration(p.WaitHint) * time.Millisecond
		return nil
	})
	return st, err
}

func (windowsHost) service(name string) (have scmService, installed bool, err error) {
	err = with(name, windows.SERVICE_QUERY_CONFIG, func(s *mgr.Service) error {
		if err := readConfig(s, &have); err != nil {
			return err
		}
		if err := readDetails(s, &have); err != nil {
			return err
		}
		readAccess(name, &have)
		return nil
	})
	if errors.Is(err, ErrNotInstalled) {
		return have, false, nil
	}
	return have, err == nil, err
}

// create registers the service and sets all fields that CreateService cannot; what fails half-way is
// removed again.
func (windowsHost) create(name string, want scmService, fields []scmField) error {
	scm, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT|windows.SC_MANAGER_CREATE_SERVICE)
	if err != nil {
		return scmError(err)
	}
	defer windows.CloseServiceHandle(scm) //nolint:errcheck // nothing can be done
	texts, err := wide(name, want.DisplayName, want.Command, want.Account)
	if err != nil {
		return err
	}
	h, err := windows.CreateService(scm, texts[0], texts[1], windows.SERVICE_ALL_ACCESS, windows.SERVICE_WIN32_OWN_PROCESS,
		startNumber(want.Start), windows.SERVICE_ERROR_NORMAL, texts[2], nil, nil, nil, texts[3], nil)
	if err != nil {
		return scmError(err)
	}
	defer windows.CloseServiceHandle(h) //nolint:errcheck // nothing can be done
	for _, f := range fields {
		err := configure(&mgr.Service{Name: name, Handle: h}, f.name, want)
		if errors.Is(err, windows.ERROR_INVALID_LEVEL) {
			continue // this system keeps no such thing; a plan names it
		}
		if err != nil {
			_ = windows.DeleteService(h)
			return fmt.Errorf("%s: %w", f.name, scmError(err))
		}
	}
	return nil
}

func (windowsHost) change(name, field string, want scmService) error {
	return with(name, windows.SERVICE_CHANGE_CONFIG|windows.SERVICE_START, func(s *mgr.Service) error { return configure(s, field, want) })
}

func wide(texts ...string) ([]*uint16, error) {
	out := make([]*uint16, len(texts))
	for i, s := range texts {
		p, err := windows.UTF16PtrFromString(s)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

func (windowsHost) remove(name string) error {
	return with(name, windows.DELETE, func(s *mgr.Service) error { return windows.DeleteService(s.Handle) })
}

func (windowsHost) start(name string, args ...string) error {
	texts, err := wide(args...)
	if err != nil {
		return err
	}
	return with(name, windows.SERVICE_START, func(s *mgr.Service) error {
		err := windows.StartService(s.Handle, uint32(len(texts)), unsafe.SliceData(texts)) //nolint:gosec // few
		if errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return nil
		}
		return err
	})
}

func (windowsHost) control(name string, code uint32) error {
	access := uint32(windows.SERVICE_PAUSE_CONTINUE)
	if code == controlStop {
		access = windows.SERVICE_STOP
	}
	return with(name, access, func(s *mgr.Service) error {
		var ignoredStatus windows.SERVICE_STATUS
		err := windows.ControlService(s.Handle, code, &ignoredStatus)
		if code == controlStop && errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return nil
		}
		return err
	})
}

// exited polls: a wait on the handle could not be interrupted.
func (windowsHost) exited(ctx context.Context, pid int) error {
	if pid == 0 {
		return nil
	}
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid)) //nolint:gosec // a process id of the SCM
	if err != nil {
		return nil //nolint:nilerr // it is gone, or not ours to look at
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	for ctx.Err() == nil {
		if state, err := windows.WaitForSingleObject(h, 200); err != nil || state == windows.WAIT_OBJECT_0 {
			return err
		}
	}
	return fmt.Errorf("process %d has not ended although the service is stopped: %w", pid, ctx.Err())
}

// kill takes care to end the service's process and no other: the process is held open while the SCM
// is asked again whose it is.
func (w windowsHost) kill(name string) error {
	before, err := w.status(name)
	if err != nil || before.PID == 0 {
		return err
	}
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, uint32(before.PID)) //nolint:gosec // a process id of the SCM
	if err != nil {
		return scmError(err)
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	if now, err := w.status(name); err != nil || now.PID != before.PID {
		return err
	}
	return scmError(windows.TerminateProcess(h, ExitStopTimeout))
}

const (
	sourceKey   = `SYSTEM\CurrentControlSet\Services\EventLog\Application\`
	messageFile = `%SystemRoot%\System32\EventCreate.exe`
)

func (windowsHost) source(name string) (source, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, sourceKey+name, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return sourceMissing, nil
	}
	if err != nil {
		return sourceMissing, scmError(err)
	}
	defer key.Close() //nolint:errcheck // nothing can be done
	file, _, err := key.GetStringValue("EventMessageFile")
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return sourceMissing, err
	}
	if strings.EqualFold(file, messageFile) {
		return sourceOurs, nil
	}
	return sourceForeign, nil
}

func (windowsHost) addSource(name string) error {
	return scmError(eventlog.Install(name, messageFile, true, eventlog.Error|eventlog.Warning|eventlog.Info))
}

func (windowsHost) removeSource(name string) error { return scmError(eventlog.Remove(name)) }

func (windowsHost) fileExists(file string) (bool, error) {
	_, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// writeNew never replaces: whoever was faster wins.
func (windowsHost) writeNew(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return scmError(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the configuration of our own Identity
	if err != nil {
		return scmError(err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
