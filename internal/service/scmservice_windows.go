package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

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
	have.ErrorControl = c.ErrorControl
	have.Group = windows.UTF16PtrToString(c.LoadOrderGroup)
	have.Dependencies = readList(c.Dependencies)
	return nil
}

// readList reads strings that each end with a zero character, and an empty one after the last.
func readList(p *uint16) []string {
	if p == nil {
		return nil
	}
	var list []string
	for units := unsafe.Slice(p, answerMax/2); units[0] != 0; { //nolint:gosec // the SCM's answer is not longer
		end := slices.Index(units, 0)
		if end < 0 {
			break
		}
		list = append(list, windows.UTF16ToString(units[:end]))
		units = units[end+1:]
	}
	return list
}

// writeList is what readList reads.
func writeList(list []string) *uint16 {
	var units []uint16
	for _, text := range list {
		units = append(units, utf16.Encode([]rune(text+"\x00"))...)
	}
	return unsafe.SliceData(append(units, 0, 0)) //nolint:gosec // the SCM reads a structure that it defines
}

// readAccess reads who may do what with the service. An ordinary user may not ask, and Wine answers
// with an empty list, which would lock everybody out.
func readAccess(name string, have *scmService) {
	sd, err := windows.GetNamedSecurityInfo(name, windows.SE_SERVICE, windows.DACL_SECURITY_INFORMATION)
	if err == nil {
		if _, entries, some := strings.Cut(sd.String(), "("); some {
			have.Security = "D:(" + entries
			return
		}
	}
	have.Unknown = append(have.Unknown, "access list")
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
			have.SID = sidKinds()[*(*uint32)(p)]
		}},
		{"recovery", windows.SERVICE_CONFIG_FAILURE_ACTIONS, func(p unsafe.Pointer) {
			f := (*windows.SERVICE_FAILURE_ACTIONS)(p)
			have.Reset = time.Duration(f.ResetPeriod) * time.Second
			have.RebootMessage = windows.UTF16PtrToString(f.RebootMsg)
			have.RecoveryCommand = windows.UTF16PtrToString(f.Command)
			for _, a := range unsafe.Slice(f.Actions, f.ActionsCount) { //nolint:gosec // the SCM fills a structure that it defines
				have.Recovery = append(have.Recovery, recoveryAction{recoveryKinds()[a.Type], time.Duration(a.Delay) * time.Millisecond})
			}
		}},
		{"recovery after failure exits", windows.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, func(p unsafe.Pointer) {
			have.OnFailure = (*windows.SERVICE_FAILURE_ACTIONS_FLAG)(p).FailureActionsOnNonCrashFailures != 0
		}},
		{"preshutdown timeout", windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, func(p unsafe.Pointer) {
			have.Preshutdown = time.Duration(*(*uint32)(p)) * time.Millisecond
		}},
		{"privileges", windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, func(p unsafe.Pointer) {
			have.Privileges = readList(*(**uint16)(p))
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
		return startDisabled
	default:
		return StartManual
	}
}

func startNumber(t StartType) uint32 {
	switch t {
	case StartManual:
		return mgr.StartManual
	case startDisabled:
		return mgr.StartDisabled
	case StartAuto, StartDelayed:
	}
	return mgr.StartAutomatic
}

func sidKinds() map[uint32]string {
	return map[uint32]string{
		windows.SERVICE_SID_TYPE_NONE: sidNone, windows.SERVICE_SID_TYPE_UNRESTRICTED: sidUnrestricted, windows.SERVICE_SID_TYPE_RESTRICTED: sidRestricted,
	}
}

func recoveryKinds() map[uint32]string {
	return map[uint32]string{
		windows.SC_ACTION_NONE: doNothing, windows.SC_ACTION_RESTART: doRestart, windows.SC_ACTION_REBOOT: doReboot, windows.SC_ACTION_RUN_COMMAND: doRun,
	}
}

// numberOf finds the system's number of a kind; 0 is "none" in both tables.
func numberOf(kinds map[uint32]string, kind string) uint32 {
	for n, k := range kinds {
		if k == kind {
			return n
		}
	}
	return 0
}

// configure sets one field of allFields.
func configure(s *mgr.Service, field string, want scmService) error {
	switch field {
	case "command", "account", "display name", "load group":
		return configureText(s, field, want)
	case "start type":
		return configureStart(s, want.Start)
	case "description":
		text, err := windows.UTF16PtrFromString(want.Description)
		if err != nil {
			return err
		}
		return level(s, windows.SERVICE_CONFIG_DESCRIPTION, unsafe.Pointer(&windows.SERVICE_DESCRIPTION{Description: text})) //nolint:gosec // the SCM reads a structure that it defines
	case "service SID":
		sid := numberOf(sidKinds(), want.SID)
		return level(s, windows.SERVICE_CONFIG_SERVICE_SID_INFO, unsafe.Pointer(&sid)) //nolint:gosec // the SCM reads a structure that it defines
	case "recovery":
		return configureRecovery(s, want)
	case "recovery after failure exits":
		return s.SetRecoveryActionsOnNonCrashFailures(want.OnFailure)
	case "preshutdown timeout":
		ms := uint32(want.Preshutdown.Milliseconds())                                 //nolint:gosec // minutes
		return level(s, windows.SERVICE_CONFIG_PRESHUTDOWN_INFO, unsafe.Pointer(&ms)) //nolint:gosec // the SCM reads a structure that it defines
	case "access list":
		return configureAccess(s, want.Security)
	case "error control":
		return windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE, want.ErrorControl,
			nil, nil, nil, nil, nil, nil, nil)
	case "dependencies":
		return windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE,
			nil, nil, nil, writeList(want.Dependencies), nil, nil, nil)
	case "privileges":
		list := writeList(want.Privileges)
		return level(s, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, unsafe.Pointer(&list)) //nolint:gosec // the SCM reads a structure that it defines
	default:
		return fmt.Errorf("no field %q", field)
	}
}

func level(s *mgr.Service, n uint32, value unsafe.Pointer) error {
	return windows.ChangeServiceConfig2(s.Handle, n, (*byte)(value))
}

func configureStart(s *mgr.Service, want StartType) error {
	if err := windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, startNumber(want), windows.SERVICE_NO_CHANGE,
		nil, nil, nil, nil, nil, nil, nil); err != nil {
		return err
	}
	delayed := windows.SERVICE_DELAYED_AUTO_START_INFO{}
	switch want {
	case StartDelayed:
		delayed.IsDelayedAutoStartUp = 1
	case StartAuto:
	case StartManual, startDisabled:
		return nil // the delay means nothing, and some systems refuse it
	}
	err := level(s, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, unsafe.Pointer(&delayed)) //nolint:gosec // the SCM reads a structure that it defines
	if errors.Is(err, windows.ERROR_INVALID_LEVEL) && want != StartDelayed {
		return nil // what cannot be delayed is not
	}
	return err
}

// configureRecovery replaces all of it. No action at all is told by a pointer to none; a nil pointer
// would leave what is there.
func configureRecovery(s *mgr.Service, want scmService) error {
	texts, err := wide(want.RebootMessage, want.RecoveryCommand)
	if err != nil {
		return err
	}
	actions := make([]windows.SC_ACTION, len(want.Recovery), len(want.Recovery)+1)
	for i, a := range want.Recovery {
		actions[i] = windows.SC_ACTION{Type: numberOf(recoveryKinds(), a.Do), Delay: uint32(a.After.Milliseconds())} //nolint:gosec // seconds
	}
	return level(s, windows.SERVICE_CONFIG_FAILURE_ACTIONS, unsafe.Pointer(&windows.SERVICE_FAILURE_ACTIONS{ //nolint:gosec // the SCM reads a structure that it defines
		ResetPeriod: uint32(want.Reset / time.Second), RebootMsg: texts[0], Command: texts[1], //nolint:gosec // a day
		ActionsCount: uint32(len(actions)), Actions: unsafe.SliceData(actions), //nolint:gosec // few
	}))
}

func configureAccess(s *mgr.Service, sddl string) error {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("access list %s: %w", sddl, err)
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(s.Name, windows.SE_SERVICE, windows.DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

func configureText(s *mgr.Service, field string, want scmService) error {
	texts, err := wide(want.Command, want.Account, want.DisplayName, want.Group)
	if err != nil {
		return err
	}
	for i, name := range []string{"command", "account", "display name", "load group"} {
		if field != name {
			texts[i] = nil // nil leaves it as it is
		}
	}
	return windows.ChangeServiceConfig(s.Handle, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE, windows.SERVICE_NO_CHANGE,
		texts[0], texts[3], nil, nil, texts[1], nil, texts[2])
}
