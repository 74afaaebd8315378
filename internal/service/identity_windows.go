package service

import (
	"os"
	"strings"

	"golang.org/x/sys/windows"
)

func systemPlaces(name string) places { return machinePlaces(name) }

// machinePlaces are below ProgramData. The folder is asked of the system, not of the environment,
// which a caller could have changed.
func machinePlaces(name string) places {
	programData, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil || programData == "" {
		programData = os.Getenv("ProgramData")
	}
	if programData == "" {
		programData = `C:\ProgramData`
	}
	data := programData + `\` + name
	return places{
		data:     data,
		config:   data + `\` + configName,
		logs:     data + `\logs`,
		endpoint: `\\.\pipe\` + name,
	}
}

// privateEndpoint tells data folders apart by a hash. "@" is in no name, so that no name's own pipe
// can be meant.
func privateEndpoint(name, dir string) string {
	return `\\.\pipe\` + name + "@" + shortHash(strings.ToLower(dir))
}
