package msi

import (
	"strings"

	"holdfast/installer/wxs"
)

// serviceInstall is a ServiceInstall. The numbers are those of CreateService
// (learn.microsoft.com/windows/win32/msi/serviceinstall-table).
func (u *unit) serviceInstall(e *wxs.Element, component string) {
	kind := map[string]int{"ownProcess": 0x10, "shareProcess": 0x20}[e.Get("Type")]
	if yes(e, "Interactive") {
		kind |= 0x100
	}
	start := map[string]int{"auto": 2, "demand": 3, "disabled": 4}[e.Get("Start")]
	control := map[string]int{"ignore": 0, "normal": 1, "critical": 3}[e.Get("ErrorControl")]
	if yes(e, "Vital") {
		control |= 0x8000 // a service that cannot be installed ends the installation
	}
	var dependencies strings.Builder // each ends in a zero character, and so does the list
	for _, d := range e.Children {
		if yes(d, "Group") {
			dependencies.WriteByte('+')
		}
		dependencies.WriteString(d.Get("Id") + "[~]")
	}
	if dependencies.Len() > 0 {
		dependencies.WriteString("[~]")
	}
	description := attr(e, "Description")
	if yes(e, "EraseDescription") {
		if e.Has("Description") {
			u.fail(e.At("EraseDescription"), "EraseDescription with Description", "remove one")
		}
		description = cell{"[~]", e.At("EraseDescription")}
	}
	u.row("ServiceInstall", e, attr(e, "Id"), attr(e, "Name"), attr(e, "DisplayName"), kind, start, control,
		attr(e, "LoadOrderGroup"), dependencies.String(), attr(e, "Account"), nil, attr(e, "Arguments"), component, description)
}

// serviceControl is a ServiceControl (learn.microsoft.com/windows/win32/msi/servicecontrol-table).
func (u *unit) serviceControl(e *wxs.Element, component string) {
	events := onBits(e.Get("Start"), 0x1, 0x10) | onBits(e.Get("Stop"), 0x2, 0x20) | onBits(e.Get("Remove"), 0x8, 0x80)
	if events == 0 {
		u.fail(e.Pos, "<ServiceControl> that does nothing", "write Start, Stop or Remove")
	}
	var arguments []string
	for _, a := range e.Children {
		arguments = append(arguments, a.Get("Value"))
	}
	var wait any
	if e.Has("Wait") {
		wait = bits(e, map[string]int{"Wait": 1})
	}
	u.row("ServiceControl", e, attr(e, "Id"), attr(e, "Name"), events, strings.Join(arguments, "[~]"), wait, component)
}
