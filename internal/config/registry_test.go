package config

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

const (
	testPolicyKey    = `SOFTWARE\Policies\Holdfast`
	testInstalledKey = `SOFTWARE\Holdfast`
)

// scratch is t.TempDir for tests that Wine runs, too: Wine 8 knows no POSIX delete, which os.RemoveAll
// asks for first.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var found []string
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			found = append(found, path)
			return err
		})
		for _, path := range slices.Backward(found) {
			if err == nil {
				err = os.Remove(path)
			}
		}
		if err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
	return dir
}

// sz is a REG_SZ as Windows writes it.
func sz(name, text string) RegistryValue {
	var data []byte
	for _, unit := range append(utf16.Encode([]rune(text)), 0) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return RegistryValue{name, regSZ, data}
}

func dword(name string, n uint32) RegistryValue {
	return RegistryValue{name, regDWORD, binary.LittleEndian.AppendUint32(nil, n)}
}

// fakeRegistry is a registry in memory.
type fakeRegistry struct {
	mu       sync.Mutex
	keys     map[string][]RegistryValue
	denied   string // a key that may not be read
	reads    int    // of testPolicyKey
	watching map[chan struct{}]bool
}

// policies is a registry with values in the policy key: below it "\" stands before a value's name.
func policies(values ...RegistryValue) *fakeRegistry {
	r := &fakeRegistry{}
	for _, v := range values {
		r.put(v)
	}
	return r
}

// put writes a value of the policy key or, as "AppInstances\shop", of a key below it.
func (r *fakeRegistry) put(v RegistryValue) {
	key := testPolicyKey
	if i := strings.LastIndexByte(v.Name, '\\'); i >= 0 {
		key, v.Name = key+`\`+v.Name[:i], v.Name[i+1:]
	}
	r.set(key, v)
}

// set writes a value and tells whoever watches.
func (r *fakeRegistry) set(key string, v RegistryValue) {
	r.change(func() {
		values := slices.DeleteFunc(r.keys[key], func(old RegistryValue) bool { return old.Name == v.Name })
		r.keys[key] = append(values, v)
	})
}

func (r *fakeRegistry) change(how func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = map[string][]RegistryValue{}
	}
	how()
	for c := range r.watching {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (r *fakeRegistry) Read(key string) (RegistryKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key == testPolicyKey {
		r.reads++
	}
	if key == r.denied {
		return RegistryKey{}, errors.New("access is denied")
	}
	content := RegistryKey{Values: slices.Clone(r.keys[key])}
	found := len(content.Values) > 0
	for name := range r.keys {
		if below, ok := strings.CutPrefix(name, key+`\`); ok {
			below, _, _ = strings.Cut(below, `\`)
			found = true
			if !slices.Contains(content.Keys, below) {
				content.Keys = append(content.Keys, below)
			}
		}
	}
	if !found {
		return RegistryKey{}, fs.ErrNotExist
	}
	return content, nil
}

func (r *fakeRegistry) Watch(ctx context.Context, _ []string, changed func()) error {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	if r.watching == nil {
		r.watching = map[chan struct{}]bool{}
	}
	r.watching[c] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watching, c)
	}()
	for {
		changed()
		select {
		case <-ctx.Done():
			return nil
		case <-c:
		}
	}
}

func TestRegistryText(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value RegistryValue
		want  string
		err   string
	}{
		{"text", sz("", "débug 店 😀"), "débug 店 😀", ""},
		{"without a final zero", RegistryValue{"", regSZ, []byte("a\x00b\x00")}, "ab", ""},
		{"with two", RegistryValue{"", regSZ, []byte("a\x00\x00\x00\x00\x00")}, "a", ""},
		{"empty", RegistryValue{"", regSZ, nil}, "", ""},
		{"number", dword("", 1), "", "its type is REG_DWORD, not REG_SZ"},
		{"list", RegistryValue{"", 7, nil}, "", "its type is REG_MULTI_SZ, not REG_SZ"},
		{"unheard of", RegistryValue{"", 1 << 31, nil}, "", "its type is type 2147483648, not REG_SZ"},
		{"odd", RegistryValue{"", regSZ, []byte("a\x00b")}, "", "it is not UTF-16 text"},
		{"half a character", RegistryValue{"", regSZ, []byte("\x00\xd8a\x00")}, "", "it is not UTF-16 text"},
		{"two texts", RegistryValue{"", regSZ, []byte("a\x00\x00\x00b\x00\x00\x00")}, "", "it has the control character U+0000"},
		{"line break", sz("", "a\nb"), "", "it has the control character U+000A"},
		{"long", sz("", strings.Repeat("x", maxRegistryText)), "", "it has more than 8192 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.value.text()
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("%q, %v; want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
	if _, err := (RegistryValue{"", regDWORD, []byte{1, 2}}).number(); err == nil || err.Error() != "it has 2 bytes, not the 4 of a REG_DWORD" {
		t.Errorf("a short number: %v", err)
	}
}

// TestRegistryFingerprint changes one thing at a time: each makes another content.
func TestRegistryFingerprint(t *testing.T) {
	keys := registryKeys{nil, testPolicyKey, testInstalledKey}
	seen := map[[32]byte]string{}
	look := func(what string, r *fakeRegistry) {
		t.Helper()
		keys.registry = r
		content := keys.read().fingerprint()
		if other, same := seen[content]; same {
			t.Errorf("%s is like %s", what, other)
		}
		seen[content] = what
	}
	look("nothing", policies())
	look("a value", policies(sz("LogLevel", "warn")))
	look("another value", policies(sz("LogLevel", "info")))
	look("another type", policies(RegistryValue{"LogLevel", 2, sz("", "warn").Data}))
	look("another name", policies(sz("LogFormat", "warn")))
	look("a list", policies(sz(`AppInstances\shop`, "3")))
	look("a key below a list", policies(sz(`AppInstances\shop`, "3"), sz(`AppInstances\x\y`, "3")))
	denied := policies(sz("LogLevel", "warn"))
	denied.denied = testPolicyKey
	look("a key that cannot be read", denied)
	installed := policies()
	installed.set(testInstalledKey, sz("Port", "80"))
	look("a port", installed)

	keys.registry = installed
	before := keys.read().fingerprint()
	installed.set(testInstalledKey, sz("Version", "1.2.3"))
	if keys.read().fingerprint() != before {
		t.Error("a value of setup that is not configuration makes another content")
	}
}
