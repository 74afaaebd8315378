package config

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows/registry"
)

// The keys of these tests, which are of no installation.
const (
	realPolicyKey    = `SOFTWARE\Policies\HoldfastTest`
	realInstalledKey = `SOFTWARE\HoldfastTest`
)

// create makes a key, which goes with everything below it at the end of the test.
func create(t *testing.T, key string) registry.Key {
	t.Helper()
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, key, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Fatalf("create %s: %v", key, err)
	}
	t.Cleanup(func() {
		_ = k.Close()
		remove(t, key)
	})
	return k
}

// remove deletes a key and what is below it, if it is there.
func remove(t *testing.T, key string) {
	t.Helper()
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, key, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	names, err := k.ReadSubKeyNames(-1)
	if err != nil {
		t.Fatal(err)
	}
	_ = k.Close()
	for _, name := range names {
		remove(t, key+`\`+name)
	}
	if err := registry.DeleteKey(registry.LOCAL_MACHINE, key); err != nil {
		t.Fatalf("delete %s: %v", key, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func realKeys() Options { return Options{PolicyKey: realPolicyKey, InstalledKey: realInstalledKey} }

// TestPolicyInTheRegistry reads what Group Policy writes: texts, numbers and lists.
func TestPolicyInTheRegistry(t *testing.T) {
	if s := load(t, policyFile, realKeys()); s.Policy != nil {
		t.Fatalf("there is a policy before the test: %v", s.Policy)
	}
	top := create(t, realPolicyKey)
	must(t, top.SetStringValue("LogLevel", "warn"))
	must(t, top.SetDWordValue("LogFileMaxFiles", 3))
	must(t, create(t, realPolicyKey+`\AppInstances`).SetStringValue("shop", "4"))
	hosts := create(t, realPolicyKey+`\ManagementAllowedHosts`)
	must(t, hosts.SetStringValue("1", "店.example"))
	must(t, hosts.SetStringValue("2", "b.example"))
	must(t, create(t, realInstalledKey).SetStringValue("Port", "8123"))

	s := load(t, "version: 1\napps: {shop: {command: [serve]}}\n", realKeys())
	c := s.Config
	if c.Logging.Level != LevelWarn || c.Logging.File.MaxFiles != 3 || c.Apps["shop"].Instances != 4 || c.Listeners["web"].Address != ":8123" ||
		strings.Join(c.Management.AllowedHosts, " ") != "店.example b.example" {
		t.Errorf("%+v %+v %+v", c.Logging, c.Management, c.Listeners)
	}
	if e, _ := s.Explain("logging.level"); e.Source != `Group Policy HKLM\`+realPolicyKey+`\LogLevel` {
		t.Errorf("source %q", e.Source)
	}
	must(t, top.SetBinaryValue("LogFormat", []byte{1, 2, 3}))
	must(t, top.SetStringValue("ManagementAddress", strings.Repeat("x", 3*maxRegistryText)))
	_, problems := Parse("x.yaml", []byte(policyFile), realKeys())
	told := rendered(t, problems)
	for _, want := range []string{"policy LogFormat: its type is REG_BINARY, not REG_SZ", "policy ManagementAddress: it has more than 8192 characters"} {
		if !strings.Contains(told, want) {
			t.Errorf("want %q, told:\n%s", want, told)
		}
	}
}

// watchReal watches the real keys. The first call is the beginning: all is watched then.
func watchReal(t *testing.T) (calls <-chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	all, done := make(chan struct{}, 1000), make(chan error, 1)
	go func() {
		done <- localMachine{}.Watch(ctx, []string{realPolicyKey, realInstalledKey}, func() { all <- struct{}{} })
	}()
	<-all
	return all, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	}
}

// told waits for a call after which the registry has another content.
func told(t *testing.T, calls <-chan struct{}, what string, change func()) {
	t.Helper()
	keys := registryKeys{localMachine{}, realPolicyKey, realInstalledKey}
	before := keys.read().fingerprint()
	change()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case <-calls:
			if keys.read().fingerprint() != before {
				return
			}
		case <-deadline:
			t.Fatalf("%s is not told", what)
		}
	}
}

// TestPolicyNotices makes every kind of change, each with a RegNotifyChangeKeyValue of its own, so that
// no other one is taken for its notice.
func TestPolicyNotices(t *testing.T) {
	value := func(key, name, text string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			must(t, create(t, key).SetStringValue(name, text))
		}
	}
	gone := func(key string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			remove(t, key)
		}
	}
	noLevel := func(t *testing.T) {
		t.Helper()
		must(t, create(t, realPolicyKey).DeleteValue("LogLevel"))
	}
	for _, tt := range []struct {
		name           string
		before, change func(*testing.T)
	}{
		{"a key that comes with a value", func(*testing.T) {}, value(realPolicyKey, "LogLevel", "warn")},
		{"another value", value(realPolicyKey, "LogLevel", "warn"), value(realPolicyKey, "LogLevel", "info")},
		{"one more value", value(realPolicyKey, "LogLevel", "warn"), value(realPolicyKey, "LogFormat", "json")},
		{"a value that goes", value(realPolicyKey, "LogLevel", "warn"), noLevel},
		{"a list that comes", value(realPolicyKey, "LogLevel", "warn"), value(realPolicyKey+`\AppInstances`, "shop", "2")},
		{"another value in a list", value(realPolicyKey+`\AppInstances`, "shop", "2"), value(realPolicyKey+`\AppInstances`, "shop", "3")},
		{"a list that goes", value(realPolicyKey+`\AppInstances`, "shop", "2"), gone(realPolicyKey + `\AppInstances`)},
		{"a key that goes", value(realPolicyKey, "LogLevel", "warn"), gone(realPolicyKey)},
		{"the key of setup", func(*testing.T) {}, value(realInstalledKey, "Port", "81")},
		{"its value", value(realInstalledKey, "Port", "81"), value(realInstalledKey, "Port", "82")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.before(t)
			calls, stop := watchReal(t)
			defer stop()
			told(t, calls, tt.name, func() { tt.change(t) })
		})
	}
}

// TestPolicyNoticesInARow lets one watch live through the coming and going of its keys.
func TestPolicyNoticesInARow(t *testing.T) {
	calls, stop := watchReal(t)
	defer stop()
	for range 5 {
		told(t, calls, "a key that comes", func() { must(t, create(t, realPolicyKey).SetStringValue("LogLevel", "warn")) })
		told(t, calls, "another value", func() { must(t, create(t, realPolicyKey).SetStringValue("LogLevel", "info")) })
		told(t, calls, "a list", func() { must(t, create(t, realPolicyKey+`\AppInstances`).SetStringValue("shop", "2")) })
		told(t, calls, "a value in the list", func() { must(t, create(t, realPolicyKey+`\AppInstances`).SetStringValue("shop", "3")) })
		told(t, calls, "the end of the key", func() { remove(t, realPolicyKey) })
		told(t, calls, "the key of setup", func() { must(t, create(t, realInstalledKey).SetStringValue("Port", "81")) })
		told(t, calls, "its end", func() { remove(t, realInstalledKey) })
	}
}

// TestPolicyWatchOfASnapshot sees a changed policy as the service does: the key comes, and a moment
// later its value.
func TestPolicyWatchOfASnapshot(t *testing.T) {
	s := load(t, "version: 1\n", realKeys())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	calls, done := make(chan Change, 10), make(chan error, 1)
	go func() { done <- s.Watch(ctx, time.Second, func(c Change) { calls <- c }) }()
	must(t, create(t, realPolicyKey).SetStringValue("LogLevel", "warn"))
	select {
	case c := <-calls:
		if c != PolicyChanged {
			t.Errorf("told %q", c)
		}
	case <-ctx.Done():
		t.Error("nothing is told")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Watch: %v", err)
	}
}
