package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"

	"holdfast/internal/service"
)

// readSettings reads the texts that wix/service.wxs keeps; none is no error. Whatever else is there, and
// what cannot be read, is an error: it must not be taken for a default.
func readSettings(name string) (map[string]string, error) {
	path := service.Identity{Name: name}.RegistryKey()
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf(`registry HKLM\%s: %w`, path, err)
	}
	defer key.Close() //nolint:errcheck // only read
	found := map[string]string{}
	for _, value := range []string{"Account", "Address", "Port", "Firewall", "StartType", "HealthTimeout", "InstallDir", "DataDir"} {
		text, _, err := key.GetStringValue(value)
		if errors.Is(err, registry.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf(`registry HKLM\%s, %s: %w`, path, value, err)
		}
		found[value] = text
	}
	return found, nil
}
