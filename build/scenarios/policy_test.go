//go:build wine || windows

package scenarios

import "testing"

// What Group Policy writes counts at once, and no more when it takes it back. A wrong value changes
// nothing.
func TestPolicyIsLive(t *testing.T) {
	const (
		key       = `HKLM\SOFTWARE\Policies\Holdfast`
		policyKey = key + `\ListenerAddress`
		movedPort = 8500
	)
	m := installed(t)
	m.ok("reg", "add", key+`\AppInstances`, "/v", "caddy", "/t", "REG_SZ", "/d", "2", "/f")
	m.until("a second instance runs", func() bool { return len(m.processes(caddy)) == 2 })
	m.ok("reg", "add", policyKey, "/v", "web", "/t", "REG_SZ", "/d", "127.0.0.1:8500", "/f")
	m.answers(movedPort, "/", greeting)
	m.until("the old listener is closed", func() bool { code, _ := m.get(gatewayPort, "/"); return code == 0 })
	m.wants(m.ok(holdfast, "explain", "listeners.web.address"), "127.0.0.1:8500", "Group Policy")

	m.ok("reg", "add", key, "/v", "LogLevel", "/t", "REG_SZ", "/d", "loud", "/f")
	m.until("the wrong value is told", func() bool { return m.says("LogLevel", holdfast, "events") })
	m.answers(movedPort, "/", greeting)

	m.ok("reg", "delete", key, "/f")
	m.answers(gatewayPort, "/", greeting)
	m.until("the policy's listener is closed", func() bool { code, _ := m.get(movedPort, "/"); return code == 0 })
	m.until("one instance runs", func() bool { return len(m.processes(caddy)) == 1 })
}
