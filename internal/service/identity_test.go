package service

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewIdentityRefuses(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "-x", "_x", ".x", "a/b", `a\b`, "a b", "a:b", "ä", "a\x00", "a\n", "x.", "con", "NUL", "nul.txt", "COM1", "lpt9.log",
		"Microsoft", "policies", "Application", strings.Repeat("x", 65),
	} {
		if id, err := NewIdentity(name); err == nil {
			t.Errorf("%q was taken: %+v", name, id)
		} else if !strings.Contains(err.Error(), "name ") {
			t.Errorf("%q: %v does not say what is wrong", name, err)
		}
	}
	for _, name := range []string{"Holdfast", "a", "7", "Shop-2_test.eu", "console", "com", "com10", strings.Repeat("x", 64)} {
		if _, err := NewIdentity(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// names are all the names that an Identity takes on a machine.
func names(id Identity) []string {
	return []string{
		id.ServiceName(), id.DisplayName(), id.UnitName(), id.DataDir(), id.ConfigFile(), id.LogDir(), id.Endpoint(),
		id.RegistryKey(), id.PolicyKey(), id.EventSource(), id.ServiceAccount(), id.ServiceSID(),
	}
}

func FuzzNewIdentity(f *testing.F) {
	f.Add("Holdfast", "holdfast")
	f.Add("Shop", "Shop-2")
	f.Add("a.b", "a_b")
	f.Add("Policies", "x")
	f.Add("../x", `..\x`)
	f.Fuzz(func(t *testing.T, a, b string) {
		ida, err := NewIdentity(a)
		if err != nil {
			return
		}
		for _, n := range []string{ida.DataDir(), ida.ConfigFile(), ida.LogDir()} {
			if n != filepath.Clean(n) || !strings.Contains(strings.ToLower(n), strings.ToLower(a)) {
				t.Errorf("%q: %q is not a plain path of this name", a, n)
			}
		}
		idb, err := NewIdentity(b)
		if err != nil {
			return
		}
		same := strings.EqualFold(a, b)
		na, nb := names(ida), names(idb)
		for i := range na {
			if strings.EqualFold(na[i], nb[i]) != same {
				t.Errorf("%q and %q: %q and %q", a, b, na[i], nb[i])
			}
		}
	})
}

func TestServiceSID(t *testing.T) {
	// The one service SID that everybody knows: NT SERVICE\TrustedInstaller.
	id := Identity{Name: "TrustedInstaller"}
	if got, want := id.ServiceSID(), "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDataDirTakesEverythingAlong(t *testing.T) {
	id, err := NewIdentity("Shop")
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t)
	one := id.WithDataDir(dir)
	for what, path := range map[string]string{"config": one.ConfigFile(), "logs": one.LogDir(), "data": one.DataDir()} {
		if !strings.HasPrefix(path, dir) {
			t.Errorf("%s: %s is not below %s", what, path, dir)
		}
	}
	if two := id.WithDataDir(filepath.Join(dir, "two")); one.Endpoint() == two.Endpoint() || one.Endpoint() == id.Endpoint() {
		t.Errorf("endpoints meet: %s, %s, %s", id.Endpoint(), one.Endpoint(), two.Endpoint())
	}
	if got := id.WithDataDir(".").DataDir(); !filepath.IsAbs(got) {
		t.Errorf("%s is not absolute", got)
	}
}

func TestInstalledDataDirKeepsTheName(t *testing.T) {
	dir := scratch(t)
	one, err := NewInstalledIdentity("Shop", dir)
	if err != nil {
		t.Fatal(err)
	}
	if one.DataDir() != dir || one.ConfigFile() != filepath.Join(dir, "holdfast.yaml") || one.LogDir() != filepath.Join(dir, "logs") {
		t.Errorf("%s, %s, %s are not in %s", one.DataDir(), one.ConfigFile(), one.LogDir(), dir)
	}
	if one.Endpoint() != machinePlaces("Shop").endpoint {
		t.Errorf("endpoint %s, want the name's own", one.Endpoint())
	}
	// A manager must not look up again what setup has said, before the registry knows it.
	if got := one.installed(); got != one {
		t.Errorf("installed: got %+v, want %+v", got, one)
	}
}

// A service manager must start exactly the Identity that installed it.
func TestRunArguments(t *testing.T) {
	id, err := NewIdentity("Shop")
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t)
	file := filepath.Join(dir, "other.yaml")
	installed := func(dir string) Identity {
		id, err := NewInstalledIdentity("Shop", dir)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for name, tt := range map[string]struct {
		id   Identity
		want []string
	}{
		"plain":                             {id, []string{"run", "--name", "Shop"}},
		"data":                              {id.WithDataDir(dir), []string{"run", "--name", "Shop", "--data", dir}},
		"config":                            {id.WithConfigFile(file), []string{"run", "--name", "Shop", "--config", file}},
		"both":                              {id.WithDataDir(dir).WithConfigFile(file), []string{"run", "--name", "Shop", "--data", dir, "--config", file}},
		"installed elsewhere":               {installed(dir), []string{"run", "--name", "Shop"}},
		"installed elsewhere, other config": {installed(dir).WithConfigFile(file + "x"), []string{"run", "--name", "Shop", "--config", file + "x"}},
		"own config given": {
			id.WithDataDir(dir).WithConfigFile(filepath.Join(dir, "holdfast.yaml")),
			[]string{"run", "--name", "Shop", "--data", dir},
		},
	} {
		if d := cmp.Diff(tt.want, tt.id.RunArguments()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
