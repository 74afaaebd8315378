package service

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// systemPlaces are the machine's own. An error says that the registry names a data folder that
// cannot be one: to go on with another would be to go on with another configuration.
func systemPlaces(name string) (places, error) {
	data, err := rememberedData(name)
	if err != nil {
		return places{}, err
	}
	return placesBelow(data, `\\.\pipe\`+name), nil
}

// machinePlaces are those of systemPlaces, or below ProgramData where these are broken.
func machinePlaces(name string) places {
	at, err := systemPlaces(name)
	if err != nil {
		return placesBelow(programData()+`\`+name, `\\.\pipe\`+name)
	}
	return at
}

// rememberedData is the folder that the installer has remembered for name, or the one below
// ProgramData. Only administrators can write the key.
func rememberedData(name string) (string, error) {
	own := programData() + `\` + name
	path := Identity{Name: name}.RegistryKey()
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if err != nil {
		return own, nil //nolint:nilerr // not installed by the package
	}
	defer key.Close() //nolint:errcheck // nothing can be done
	dir, _, err := key.GetStringValue("DataDir")
	switch {
	case errors.Is(err, registry.ErrNotExist) || err == nil && dir == "":
		return own, nil
	case err != nil:
		return "", fmt.Errorf(`registry HKLM\%s, DataDir: %w`, path, err)
	}
	if err := CheckFolder(dir); err != nil {
		return "", fmt.Errorf(`registry HKLM\%s, DataDir: %w; correct the value or remove it`, path, err)
	}
	return strings.TrimRight(dir, `\`), nil
}

// programData is asked of the system, not of the environment, which a caller could have changed.
func programData() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil || dir == "" {
		dir = os.Getenv("ProgramData")
	}
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return dir
}

// privateEndpoint tells data folders apart by a hash. "@" is in no name, so that no name's own pipe
// can be meant.
func privateEndpoint(name, dir string) string {
	return `\\.\pipe\` + name + "@" + shortHash(strings.ToLower(dir))
}
