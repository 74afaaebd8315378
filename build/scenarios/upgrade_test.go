//go:build wine || windows

package scenarios

import (
	"strings"
	"testing"
)

// What an administrator wrote outlives everything but a purge.
func TestUpgradeAndDowngradeWithAnEditedConfiguration(t *testing.T) {
	m := installed(t)
	edited := "# edited by hand\n" + strings.Replace(seed, greeting, "hello from an edited file", 1)
	m.write(config, edited)
	m.write(moreFile, more)
	kept := func() {
		t.Helper()
		m.answers(gatewayPort, "/", "hello from an edited file")
		m.answers(gatewayPort, "/more", "more")
		if got := m.read(config); got != edited {
			t.Errorf("the edited configuration is now:\n%s", got)
		}
		if got := m.read(moreFile); got != more {
			t.Errorf("conf.d\\more.yaml is now:\n%s", got)
		}
	}
	is := func(version string) {
		t.Helper()
		m.entry("Holdfast", version)
		m.wants(m.ok(holdfast, "version"), version)
		m.is("Holdfast", "RUNNING")
		if got := m.registry(softKey).value("Version"); got != version {
			t.Errorf("remembered version %q, want %s", got, version)
		}
	}
	kept()

	m.msiexec("/i", pkg("1.1.0"))
	is("1.1.0")
	kept()

	before := m.look()
	m.fails("/i", pkg("1.0.0"))
	m.same(before, running...)
	is("1.1.0")
	kept()

	m.msiexec("/i", pkg("1.0.0"), "HF_ALLOWDOWNGRADE=1")
	is("1.0.0")
	kept()

	m.msiexec("/x", pkg("1.0.0"))
	if got := m.read(config); got != edited {
		t.Errorf("removal changed the configuration:\n%s", got)
	}
	if got := m.read(moreFile); got != more {
		t.Errorf("removal changed conf.d\\more.yaml:\n%s", got)
	}
}

// A configuration that came from HF_CONFIG is no template: an upgrade must not put one in its place.
func TestUpgradeKeepsTheSeed(t *testing.T) {
	m := installed(t)
	m.msiexec("/i", pkg("1.1.0"), "HF_PURGE=1") // which is for removals that are no part of an upgrade
	m.answers(gatewayPort, "/", greeting)
	if got := m.read(config); got != seed {
		t.Errorf("the configuration is now:\n%s", got)
	}
}

func TestRepair(t *testing.T) {
	m := installed(t)
	before := m.look()
	m.ok(holdfast, "service", "stop")
	m.remove(holdfast)
	m.remove(installDir + `\holdfast.template.yaml`)
	m.ok("reg", "delete", `HKLM\`+eventKey, "/f")
	m.ok("reg", "add", `HKLM\`+softKey, "/v", "Version", "/d", "0.0.1", "/f")
	m.msiexec("/i", pkg("1.0.0"), "REINSTALL=ALL", "REINSTALLMODE=amus")
	m.answers(gatewayPort, "/", greeting)
	m.same(before, running...)
}

func TestRerunWithAChangedProperty(t *testing.T) {
	m := installed(t)
	asItWas := m.look()
	m.msiexec("/i", pkg("1.0.0"), "HF_PURGE=1")
	m.answers(gatewayPort, "/", greeting)
	m.same(asItWas, running...)

	m.msiexec("/i", pkg("1.0.0"), "HF_PORT=8200")
	m.answers(8200, "/", greeting)
	m.silent(gatewayPort)
	if got := m.registry(softKey).value("Port"); got != "8200" {
		t.Errorf("remembered port %q", got)
	}
	before := m.look()
	m.fails("/i", pkg("1.0.0"), "HF_PORT=no")
	m.same(before, running...)
	m.answers(8200, "/", greeting)
	m.wants(m.ok(holdfast, "explain", "listeners"), "8200")
}
