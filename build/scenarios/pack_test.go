//go:build wine || windows

package scenarios

import (
	"fmt"
	"testing"
)

// Two products of other people beside Holdfast: none touches another.
func TestPackedProductsBesideHoldfast(t *testing.T) {
	const shopPort, depotPort = 8300, 8400
	m := installed(t)
	alone := m.look()
	m.msiexec("/i", pkg("depot-1.0.0"), fmt.Sprintf("HF_PORT=%d", depotPort))
	m.answers(depotPort, "/", "depot 1.0.0")
	m.same(alone, theirs("Depot")...)
	two := m.look()

	m.msiexec("/i", pkg("shop-2.0.0"), fmt.Sprintf("HF_PORT=%d", shopPort))
	m.answers(shopPort, "/", "shop 2.0.0")
	m.answers(shopPort, "/old.html", "only in 2.0.0")
	m.entry("Shop", "2.0.0")
	for _, code := range m.entries("Shop") {
		if got := m.registry(uninstallKey + `\` + code).value("HelpLink"); got != "https://example.com/shop" {
			t.Errorf("installed programs: Shop's help is at %q", got)
		}
	}
	m.same(two, theirs("Shop")...)
	for _, product := range products {
		m.is(product, "RUNNING")
	}
	m.wants(m.ok(`C:\Program Files\Shop\holdfast.exe`, "status"), "site", "healthy")
	m.wants(m.ok(`C:\Program Files\Depot\holdfast.exe`, "status"), "site", "healthy")
	m.wants(m.ok(holdfast, "status"), "caddy", "healthy")

	m.msiexec("/i", pkg("shop-2.1.0"))
	m.answers(shopPort, "/", "shop 2.1.0")
	m.answers(shopPort, "/new/more.html", "only in 2.1.0")
	m.answers(shopPort, "/added", "added in 2.1.0") // by the new package's configuration, for nobody edited the old
	m.lacks(`C:\Program Files\Shop\app\site\old.html`)
	m.entry("Shop", "2.1.0")
	m.answers(depotPort, "/", "depot 1.0.0")
	m.answers(gatewayPort, "/", greeting)

	m.msiexec("/x", pkg("shop-2.1.0"), "HF_PURGE=1")
	m.same(two, running...)
	m.silent(shopPort)
	m.msiexec("/x", pkg("depot-1.0.0"), "HF_PURGE=1")
	m.same(alone, running...)
	m.answers(gatewayPort, "/", greeting)
}

// theirs is what belongs to a product.
func theirs(name string) []string {
	return append([]string{
		`* C:\Program Files\` + name + `*`,
		`* C:\ProgramData\` + name + `*`,
		`* C:\windows\Installer\*`,
		`* *\Software\` + name + `*`,
		`* *\Services\` + name + `*`,
		`* *\Application\` + name + `*`,
		`* *\Classes\Installer*`,
		`* *\CurrentVersion\Installer*`,
		`* *\CurrentVersion\Uninstall*`,
		`service ` + name,
	}, running...)
}
