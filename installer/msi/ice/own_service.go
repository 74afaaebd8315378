package ice

import "strings"

// Bits of ServiceControl.Event (learn.microsoft.com/windows/win32/msi/servicecontrol-table).
const (
	startOnInstall = 0x01
	stopOnInstall  = 0x02
	startOnRemoval = 0x10
	stopOnRemoval  = 0x20
	deleteOnRemove = 0x80
)

func (c *checker) serviceControl() {
	controlled := map[string]bool{}
	for _, r := range c.rows("ServiceControl") {
		event := r.number("Event")
		controlled[r.text("Name")] = true
		if event&(startOnInstall|startOnRemoval) != 0 {
			c.bad(r, "Event", "leave out bits 1 and 16", "Windows Installer would take a service that answers nobody for a started one: the setup program starts it")
		}
		const needed = stopOnInstall | stopOnRemoval | deleteOnRemove
		if event&needed != needed {
			c.bad(r, "Event", "set bits 2, 32 and 128", "the service must be stopped by installation and removal and deleted by removal")
		}
		if r.number("Wait") != 1 {
			c.bad(r, "Wait", "write 1", "files are replaced while the service still runs")
		}
	}
	for _, r := range c.rows("ServiceInstall") {
		if !controlled[r.text("Name")] {
			c.bad(r, "Name", "add it to ServiceControl", "nothing stops or removes the service %s", r.text("Name"))
		}
	}
}

// The service types of learn.microsoft.com/windows/win32/msi/serviceinstall-table.
const (
	ownProcess   = 0x10
	demandStart  = 3
	localService = `NT AUTHORITY\LocalService`
)

func (c *checker) service() {
	for _, r := range c.rows("ServiceInstall") {
		component, _ := c.find("Component", r.text("Component_"))
		key := ""
		if component.r != nil {
			key = component.text("KeyPath")
		}
		file, isFile := c.find("File", key)
		if !isFile || file.text("Component_") != r.text("Component_") || !strings.HasSuffix(strings.ToLower(file.text("FileName")), ".exe") {
			c.bad(r, "Component_", "make the program the key path of its component", "the key path of component %s is no program", r.text("Component_"))
		}
		if r.number("ServiceType") != ownProcess {
			c.bad(r, "ServiceType", "", "it is %d, and must be 16: a process of its own, without a desktop", r.number("ServiceType"))
		}
		if r.number("StartType") != demandStart {
			c.bad(r, "StartType", "", "it is %d, and must be 3: the setup program sets it once everything is in place", r.number("StartType"))
		}
		if r.text("StartName") != localService || r.text("Password") != "" {
			c.bad(r, "StartName", "", "the service is registered as %s, without a password; the setup program gives it its account", localService)
		}
		if want := "run --name " + r.text("Name"); r.text("Arguments") != want {
			c.bad(r, "Arguments", "", "they are %q, and must be %q", r.text("Arguments"), want)
		}
	}
}
