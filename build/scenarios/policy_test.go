//go:build wine || windows

package scenarios

import "testing"

// What Group Policy writes counts at once, and what it takes back counts no more.
func TestPolicyIsLive(t *testing.T) {
	const key = `HKLM\SOFTWARE\Policies\Holdfast`
	m := installed(t)
	m.wants(m.ok(holdfast, "explain", "logging.level"), "info")
	m.ok("reg", "add", key, "/v", "LogLevel", "/t", "REG_SZ", "/d", "debug", "/f")
	m.until("the policy counts", func() bool { return m.explains("logging.level", "debug") })
	m.wants(m.ok(holdfast, "explain", "logging.level"), "Group Policy "+key+`\LogLevel`)
	m.answers(gatewayPort, "/", greeting)
	m.ok("reg", "delete", key, "/f")
	m.until("the policy counts no more", func() bool { return m.explains("logging.level", "info") })
}
