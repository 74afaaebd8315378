package service

import (
	"fmt"
	"strings"
	"time"
)

const (
	recoverReset = 24 * time.Hour
	// preshutdown is how long the SCM waits for us at a shutdown: a little more than a stop takes.
	preshutdown = 125 * time.Second
)

// startDisabled is what an administrator, or an installer while it works, makes of a service.
const startDisabled StartType = "disabled"

// serviceSDDL is who may do what with the service: SYSTEM and Administrators everything, others who
// are logged on (and services) only look. learn.microsoft.com/windows/win32/services/service-security-and-access-rights
const serviceSDDL = "D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)"

// The kinds of service SID.
const (
	sidNone         = "none"
	sidUnrestricted = "unrestricted" // NT SERVICE\<name> is in the token
	sidRestricted   = "restricted"
)

// What the SCM can do when a service fails.
const (
	doNothing = "nothing"
	doRestart = "restart"
	doReboot  = "reboot"
	doRun     = "run"
)

// recoveryAction is what the SCM does at one failure.
type recoveryAction struct {
	Do    string        `json:"do"`
	After time.Duration `json:"after"`
}

// recovery are our pauses before the SCM starts a failed service again; the last one repeats. The
// count of failures is reset after recoverReset.
func recovery() []recoveryAction {
	return []recoveryAction{{doRestart, 5 * time.Second}, {doRestart, 10 * time.Second}, {doRestart, 30 * time.Second}}
}

// scmService is what the SCM keeps about a service. Triggers and the NUMA node are left out: we set
// none, and nobody else should.
type scmService struct {
	Command     string           `json:"command"` // quoted path and arguments
	Account     string           `json:"account"`
	Start       StartType        `json:"start"` // also startDisabled
	DisplayName string           `json:"display_name"`
	Description string           `json:"description"`
	SID         string           `json:"sid"`
	Recovery    []recoveryAction `json:"recovery"`
	Reset       time.Duration    `json:"reset"`
	OnFailure   bool             `json:"on_failure"` // recovery also after an exit that is no crash
	Preshutdown time.Duration    `json:"preshutdown"`
	Security    string           `json:"security"` // who may do what with it, in SDDL

	// What we never set, but put back when we restore a service.
	RebootMessage   string   `json:"reboot_message"`
	RecoveryCommand string   `json:"recovery_command"`
	ErrorControl    uint32   `json:"error_control"`
	Group           string   `json:"group"`
	Dependencies    []string `json:"dependencies"`
	Privileges      []string `json:"privileges"`

	// Unknown names the fields that this system does not keep, as old ones and Wine.
	Unknown []string `json:"unknown"`
}

// scmField is one property of a scmService and how it reads.
type scmField struct {
	name string
	text func(scmService) string
}

// scmFields are those that an installation sets.
func scmFields() []scmField {
	return []scmField{
		{"command", func(s scmService) string { return s.Command }},
		{"account", func(s scmService) string { return s.Account }},
		{"start type", func(s scmService) string { return string(s.Start) }},
		{"display name", func(s scmService) string { return s.DisplayName }},
		{"description", func(s scmService) string { return s.Description }},
		{"service SID", func(s scmService) string { return s.SID }},
		{"recovery", recoveryText},
		{"recovery after failure exits", func(s scmService) string { return onOff(s.OnFailure) }},
		{"preshutdown timeout", func(s scmService) string { return s.Preshutdown.String() }},
		{"access list", func(s scmService) string { return s.Security }},
	}
}

// allFields are those that a restored service gets back.
func allFields() []scmField {
	return append(scmFields(), []scmField{
		{"error control", func(s scmService) string { return fmt.Sprint(s.ErrorControl) }},
		{"load group", func(s scmService) string { return s.Group }},
		{"dependencies", func(s scmService) string { return strings.Join(s.Dependencies, ", ") }},
		{"privileges", func(s scmService) string { return strings.Join(s.Privileges, ", ") }},
	}...)
}

func recoveryText(s scmService) string {
	actions := "never"
	if len(s.Recovery) > 0 {
		parts := make([]string, len(s.Recovery))
		for i, a := range s.Recovery {
			parts[i] = a.After.String()
			if a.Do != doRestart {
				parts[i] = a.Do + " after " + parts[i]
			}
		}
		actions = "after " + strings.Join(parts, ", ")
	}
	text := fmt.Sprintf("restart %s, counted anew after %s", actions, s.Reset)
	if s.RebootMessage != "" || s.RecoveryCommand != "" {
		text += fmt.Sprintf(", message %q, command %q", s.RebootMessage, s.RecoveryCommand)
	}
	return text
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
