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
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return errors.New("it is marked for removal, but somebody holds it open; close the Services console or restart the machine")
	case errors.Is(err, windows.ERROR_SERVICE_LOGON_FAILED):
		return errors.New("its account may not log on as a service; grant it \"Log on as a service\", or choose another with --account")
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
		return readDetails(s, &have)
	})
	if errors.Is(err, ErrNotInstalled) {
		return have, false, nil
	}
	return have, err == nil, err
}

// answerMax is the documented limit of what QueryServiceConfig answers.
const answerMax = 8192

// readConfig reads what every Windows has kept since NT. mgr's Config wants newer things, too, and
// fails without them.
func readConfig(s *mgr.Service, have *scmService) error {
	buf := make([]byte, answerMax)
	c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&buf[0])) //nolint:gosec // the SCM fills a structure that it defines
	var needed uint32
	if err := windows.QueryServiceConfig(s.Handle, c, answerMax, &needed); err != nil {
		return err
	}
	have.Command = windows.UTF16PtrToString(c.BinaryPathName)
	have.Account = windows.UTF16PtrToString(c.ServiceStartName)
	have.DisplayName = windows.UTF16PtrToString(c.DisplayName)
	have.Start = startType(c.StartType)
	return nil
}

// readDetails reads what came later; a level that this system does not know goes into Unknown.
func readDetails(s *mgr.Service, have *scmService) error {
	details := []struct {
		field string
		level uint32
		take  func(unsafe.Pointer)
	}{
		{"description", windows.SERVICE_CONFIG_DESCRIPTION, func(p unsafe.Pointer) {
			have.Description = windows.UTF16PtrToString((*windows.SERVICE_DESCRIPTION)(p).Description)
		}},
		{"start type", windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, func(p unsafe.Pointer) {
			if have.Start == StartAuto && (*windows.SERVICE_DELAYED_AUTO_START_INFO)(p).IsDelayedAutoStartUp != 0 {
				have.Start = StartDelayed
			}
		}},
		{"service SID", windows.SERVICE_CONFIG_SERVICE_SID_INFO, func(p unsafe.Pointer) {
			have.OwnSID = *(*uint32)(p) == windows.SERVICE_SID_TYPE_UNRESTRICTED
		}},
		{"recovery", windows.SERVICE_CONFIG_FAILURE_ACTIONS, func(p unsafe.Pointer) {
			f := (*windows.SERVICE_FAILURE_ACTIONS)(p)
			have.Reset = time.Duration(f.ResetPeriod) * time.Second
			for _, a := range unsafe.Slice(f.Actions, f.ActionsCount) { //nolint:gosec // the SCM fills a structure that it defines
				if a.Type == windows.SC_ACTION_RESTART {
					have.Recovery = append(have.Recovery, time.Duration(a.Delay)*time.Millisecond)
				}
			}
		}},
		{"recovery after failure exits", windows.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, func(p unsafe.Pointer) {
			have.OnFailure = (*windows.SERVICE_FAILURE_ACTIONS_FLAG)(p).FailureActionsOnNonCrashFailures != 0
		}},
		{"preshutdown timeout", windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, func(p unsafe.Pointer) {
			have.Preshutdown = time.Duration(*(*uint32)(p)) * time.Millisecond
		}},
	}
	buf := make([]byte, answerMax)
	for _, d := range details {
		var needed uint32
		clear(buf)
		err := windows.QueryServiceConfig2(s.Handle, d.level, &buf[0], answerMax, &needed)
		switch {
		case err == nil:
			d.take(unsafe.Pointer(&buf[0])) //nolint:gosec // the SCM fills a structure that it defines
		case errors.Is(err, windows.ERROR_INVALID_LEVEL):
			if d.field != "start type" { // known but for the delay
				have.Unknown = append(have.Unknown, d.field)
			}
		default:
			return fmt.Errorf("%s: %w", d.field, err)
		}
	}
	return nil
}

func startType(start uint32) StartType {
	switch start {
	case mgr.StartAutomatic:
		return StartAuto
	case mgr.StartDisabled:
		return "disabled"
	default:
		return StartManual
	}
}

func startNumber(t StartType) uint32 {
	if t == StartManual {
		return mgr.StartManual
	}
	return mgr.StartAutomatic
}

// create registers the service and sets all that CreateService cannot; what fails half-way is
// removed again.
func (w windowsHost) create(name string, want scmService) error {
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
	for _, f := range scmFields() {
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

// configure sets one field of scmFields.
func configure(s *mgr.Service, field string, want scmService) error {
	level := func(n uint32, value unsafe.Pointer) error {
		return windows.ChangeServiceConfig2(s.Handle, n, (*byte)(value))
	}
	switch field {
	case "command", "account", "display name":
		return configureText(s, field, want)
	case "start type":
		if err := windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, startNumber(want.Start), windows.SERVICE_NO_CHANGE,
			nil, nil, nil, nil, nil, nil, nil); err != nil {
			return err
		}
		delayed := windows.SERVICE_DELAYED_AUTO_START_INFO{}
		if want.Start == StartDelayed {
			delayed.IsDelayedAutoStartUp = 1
		}
		err := level(windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, unsafe.Pointer(&delayed)) //nolint:gosec // the SCM reads a structure that it defines
		if errors.Is(err, windows.ERROR_INVALID_LEVEL) && want.Start != StartDelayed {
			return nil // what cannot be delayed is not
		}
		return err
	case "description":
		text, err := windows.UTF16PtrFromString(want.Description)
		if err != nil {
			return err
		}
		return level(windows.SERVICE_CONFIG_DESCRIPTION, unsafe.Pointer(&windows.SERVICE_DESCRIPTION{Description: text})) //nolint:gosec // the SCM reads a structure that it defines
	case "service SID":
		sid := uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED)
		return level(windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&sid)) //nolint:gosec // the SCM reads a structure that it defines
	case "recovery":
		actions := make([]mgr.RecoveryAction, len(want.Recovery))
		for i, delay := range want.Recovery {
			actions[i] = mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: delay}
		}
		return s.SetRecoveryActions(actions, uint32(want.Reset/time.Second)) //nolint:gosec // a day
	case "recovery after failure exits":
		return s.SetRecoveryActionsOnNonCrashFailures(want.OnFailure)
	case "preshutdown timeout":
		ms := uint32(want.Preshutdown.Milliseconds())                              //nolint:gosec // minutes
		return level(windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, unsafe.Pointer(&ms)) //nolint:gosec // the SCM reads a structure that it defines
	default:
		return fmt.Errorf("no field %q", field)
	}
}

func configureText(s *mgr.Service, field string, want scmService) error {
	texts, err := wide(want.Command, want.Account, want.DisplayName)
	if err != nil {
		return err
	}
	for i, name := range []string{"command", "account", "display name"} {
		if field != name {
			texts[i] = nil // nil leaves it as it is
		}
	}
	return windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE,
		texts[0], nil, nil, nil, texts[1], nil, texts[2])
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
