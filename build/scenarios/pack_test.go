//go:build wine || windows

package scenarios

import (
	"fmt"
	"net/http"
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

	begun := m.read(`C:\ProgramData\Shop\holdfast.yaml`)
	m.msiexec("/i", pkg("shop-2.1.0"))
	m.answers(shopPort, "/", "shop 2.1.0")
	m.answers(shopPort, "/new/more.html", "only in 2.1.0")
	m.answers(shopPort, "/added", "added in 2.1.0") // by the new package's configuration, for nobody edited the old
	m.lacks(`C:\Program Files\Shop\app\site\old.html`)
	if got := m.read(`C:\ProgramData\Shop\holdfast.yaml.old`); got != begun {
		t.Errorf("the copy of the configuration before is:\n%s", got)
	}
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

// A product is its program: when that does not come up, nothing is installed.
func TestPackedProductWhoseProgramEndsIsTakenBack(t *testing.T) {
	m := fresh(t)
	empty := m.look()
	m.fails("/i", pkg("depot-1.1.0"), "HF_HEALTHTIMEOUT=5")
	m.same(empty)
	m.nothingRuns()
	m.msiexec("/i", pkg("depot-1.1.0"), "HF_NOSTART=1") // it was the program that failed
	m.wants(m.ok(`C:\Program Files\Depot\holdfast.exe`, "version"), "holdfast")
}

// The administrator's configuration stays, and what the new version would begin with lies beside it.
func TestPackedProductWithAnEditedConfiguration(t *testing.T) {
	const file = `C:\ProgramData\Shop\holdfast.yaml`
	m := fresh(t)
	m.msiexec("/i", pkg("shop-2.0.0"))
	m.answers(gatewayPort, "/", "shop 2.0.0")
	edited := "# edited by hand\n" + m.read(file)
	m.write(file, edited)
	m.msiexec("/i", pkg("shop-2.1.0"))
	m.answers(gatewayPort, "/", "shop 2.1.0")
	if got := m.read(file); got != edited {
		t.Errorf("the edited configuration is now:\n%s", got)
	}
	m.wants(m.read(file+".new"), "added in 2.1.0")
	if code, _ := m.get(gatewayPort, "/added"); code == http.StatusOK {
		t.Error("the new configuration counts, and not the edited one")
	}
	m.msiexec("/x", pkg("shop-2.1.0"))
	if got := m.read(file); got != edited {
		t.Errorf("removal changed the configuration:\n%s", got)
	}
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
