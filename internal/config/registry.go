package config

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf16"
)

// Registry is the part of the Windows registry below HKEY_LOCAL_MACHINE, 64-bit view. Other systems
// have none: Group Policy and the values of setup exist on Windows only.
type Registry interface {
	// Read is what stands directly in a key. An error that is fs.ErrNotExist says that there is no
	// such key.
	Read(key string) (RegistryKey, error)
	// Watch calls changed once the keys and what is below them are watched, and after every change
	// once they are watched again, so that whoever reads when it is called misses nothing. A key that
	// is not there is watched for its coming. It returns nil when ctx ends.
	Watch(ctx context.Context, keys []string, changed func()) error
}

// RegistryKey is the content of one key.
type RegistryKey struct {
	Values []RegistryValue
	// Keys are the names of the keys below.
	Keys []string
}

// RegistryValue is a value as the registry keeps it.
type RegistryValue struct {
	Name string
	// Type is REG_SZ (1), REG_DWORD (4), ...
	// (learn.microsoft.com/windows/win32/sysinfo/registry-value-types).
	Type uint32
	Data []byte
}

// The types of the values that are understood.
const (
	regSZ    = 1
	regDWORD = 4
)

// Bounds of what is read of the registry. Group Policy's editors allow texts of 1023 characters.
const (
	maxRegistryValues = 1000    // in all keys together
	maxRegistryText   = 8 << 10 // characters of one value
)

// hklm begins the names of keys as people read and search for them.
const hklm = `HKLM\`

// typeName is a type as the editors of the registry show it.
func (v RegistryValue) typeName() string {
	names := []string{
		"REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_LINK", "REG_MULTI_SZ",
		"REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTOR", "REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD",
	}
	if int64(v.Type) < int64(len(names)) {
		return names[v.Type]
	}
	return fmt.Sprintf("type %d", v.Type)
}

// text is a REG_SZ: UTF-16, with or without its final zero.
func (v RegistryValue) text() (string, error) {
	switch {
	case v.Type != regSZ:
		return "", fmt.Errorf("its type is %s, not REG_SZ", v.typeName())
	case len(v.Data)%2 != 0:
		return "", errors.New("it is not UTF-16 text")
	case len(v.Data)/2 > maxRegistryText:
		return "", fmt.Errorf("it has more than %d characters", maxRegistryText)
	}
	units := make([]uint16, len(v.Data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(v.Data[2*i:])
	}
	for len(units) > 0 && units[len(units)-1] == 0 {
		units = units[:len(units)-1]
	}
	for i := 0; i < len(units); i++ {
		switch paired := i+1 < len(units) && utf16.DecodeRune(rune(units[i]), rune(units[i+1])) != '\uFFFD'; {
		case units[i] < ' ' || units[i] == 0x7F:
			return "", fmt.Errorf("it has the control character U+%04X", units[i])
		case paired:
			i++
		case utf16.IsSurrogate(rune(units[i])):
			return "", errors.New("it is not UTF-16 text")
		}
	}
	return string(utf16.Decode(units)), nil
}

// number is a REG_DWORD.
func (v RegistryValue) number() (uint32, error) {
	switch {
	case v.Type != regDWORD:
		return 0, fmt.Errorf("its type is %s, not REG_DWORD", v.typeName())
	case len(v.Data) != 4:
		return 0, fmt.Errorf("it has %d bytes, not the 4 of a REG_DWORD", len(v.Data))
	}
	return binary.LittleEndian.Uint32(v.Data), nil
}

// registryKeys are the keys that one configuration reads; a name that is empty is not read.
type registryKeys struct {
	registry          Registry
	policy, installed string
}

// registryKeys are those of the options; a configuration of another machine has none here.
func (o Options) registryKeys() registryKeys {
	k := registryKeys{o.Registry, o.PolicyKey, o.InstalledKey}
	if k.registry == nil {
		k.registry = machineRegistry()
	}
	if k.registry == nil || o.Elsewhere != "" {
		return registryKeys{}
	}
	return k
}

// names are the keys to watch.
func (k registryKeys) names() []string {
	return slices.DeleteFunc([]string{k.policy, k.installed}, func(name string) bool { return name == "" })
}

// registryContent is what stood in the keys at one moment.
type registryContent struct {
	policy    []registryFolder // the policy key itself first, then the keys below it
	installed []RegistryValue
	// failed are the keys that could not be read, and why.
	failed map[string]error
	// many says that there were more values than are read.
	many bool
}

// registryFolder is one key of Group Policy.
type registryFolder struct {
	name   string // below the policy key; "" is the key itself
	values []RegistryValue
	keys   []string
}

// read reads all keys; those that are not there are empty.
func (k registryKeys) read() registryContent {
	c := registryContent{failed: map[string]error{}}
	left := maxRegistryValues
	get := func(name string) RegistryKey {
		key, err := k.registry.Read(name)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				c.failed[name] = err
			}
			return RegistryKey{}
		}
		if len(key.Values)+len(key.Keys) > left {
			c.many = true
			return RegistryKey{}
		}
		left -= len(key.Values) + len(key.Keys)
		slices.SortFunc(key.Values, func(a, b RegistryValue) int { return compareNames(a.Name, b.Name) })
		slices.SortFunc(key.Keys, compareNames)
		return key
	}
	if k.policy != "" {
		top := get(k.policy)
		c.policy = append(c.policy, registryFolder{"", top.Values, nil})
		for _, name := range top.Keys {
			below := get(k.policy + `\` + name)
			c.policy = append(c.policy, registryFolder{name, below.Values, below.Keys})
		}
	}
	if k.installed != "" {
		c.installed = slices.DeleteFunc(get(k.installed).Values, func(v RegistryValue) bool {
			return !strings.EqualFold(v.Name, installedAddress) && !strings.EqualFold(v.Name, installedPort)
		})
	}
	return c
}

// compareNames orders without case, as the registry compares, and numbers by their value: a list of
// Group Policy is numbered.
func compareNames(a, b string) int {
	if len(a) != len(b) && strings.Trim(a+b, "0123456789") == "" {
		return len(a) - len(b)
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// fingerprint tells whether two contents are the same.
func (c registryContent) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	write := func(values []RegistryValue) {
		for _, v := range values {
			_, _ = fmt.Fprintf(h, "%q %d %x\n", v.Name, v.Type, v.Data) // a hash takes everything
		}
	}
	for _, folder := range c.policy {
		_, _ = fmt.Fprintf(h, "key %q %q\n", folder.name, folder.keys)
		write(folder.values)
	}
	_, _ = fmt.Fprintf(h, "installed\n")
	write(c.installed)
	_, _ = fmt.Fprintf(h, "%v %v\n", c.failed, c.many)
	return [sha256.Size]byte(h.Sum(nil))
}
