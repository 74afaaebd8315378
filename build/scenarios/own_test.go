//go:build wine || windows

package scenarios

import (
	"strings"
	"testing"
)

// A removal takes what belongs to the product, whatever it is told.
func TestRemovalTakesOnlyItsOwn(t *testing.T) {
	const precious, extra = `C:\precious\file.txt`, installDir + `\extra.txt`
	m := installed(t)
	m.write(precious, "precious")
	m.write(extra, "an administrator's")
	before := m.look()
	m.fails("/x", pkg("1.0.0"), "HF_PURGE=some")
	m.same(before, running...)
	m.answers(gatewayPort, "/", greeting)

	m.msiexec("/x", pkg("1.0.0"), "HF_PURGE=1", `DATADIR=C:\precious`, `INSTALLDIR=C:\precious`)
	m.has(precious, extra)
	m.lacks(holdfast, dataDir)
	m.is("Holdfast", "")
	m.nothingRuns()
}

// When nobody remembers where the data is, what a command line names is not deleted for it.
func TestPurgeOfAnUnknownFolderIsRefused(t *testing.T) {
	const precious = `C:\precious\file.txt`
	m := installed(t)
	m.write(precious, "precious")
	m.ok("reg", "delete", `HKLM\`+softKey, "/f")
	m.fails("/x", pkg("1.0.0"), "HF_PURGE=1", `DATADIR=C:\precious`)
	m.has(precious, config)
}

// The list of installed programs removes a product by its code.
func TestRemovalFromTheListOfPrograms(t *testing.T) {
	const source = `C:\downloads\holdfast.msi`
	m := fresh(t)
	m.copyFile(pkg("1.0.0"), source)
	m.msiexec("/i", source)
	m.remove(source) // Windows Installer keeps what it needs
	codes := m.entries("Holdfast")
	if len(codes) != 1 {
		t.Fatalf("Holdfast is %d times among the installed programs", len(codes))
	}
	if got := m.registry(uninstallKey + `\` + codes[0]).value("UninstallString"); !strings.EqualFold(got, `MsiExec.exe /X`+codes[0]) {
		t.Errorf("it is removed by %q", got)
	}
	m.msiexec("/x", codes[0])
	m.lacks(installDir)
	m.is("Holdfast", "")
	m.nothingRuns()
}

// Program and data stay where they are: a rerun that names another place changes nothing.
func TestMoveIsRefused(t *testing.T) {
	m := installed(t)
	before := m.look()
	for _, property := range []string{"INSTALLDIR", "DATADIR"} {
		log := m.fails("/i", pkg("1.0.0"), property+`=C:\Elsewhere`)
		m.refused(log, property)
		m.same(before, running...)
		m.answers(gatewayPort, "/", greeting)
	}
}

// What the seed is made of is nobody's business: it is copied as it is.
func TestSeedIsCopiedAsItIs(t *testing.T) {
	marked := "\ufeff" + strings.ReplaceAll("# 你好\n"+seed, "\n", "\r\n")
	m := fresh(t)
	m.write(seedFile, marked)
	m.msiexec("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", greeting)
	if got := m.read(config); got != marked {
		t.Errorf("the configuration is %q", got)
	}
}
