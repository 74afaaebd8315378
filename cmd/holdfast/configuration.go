package main

import (
	"os"
	"path/filepath"

	"holdfast/internal/config"
	"holdfast/internal/service"
)

// configOptions are where the configuration of id is read from, with the --set texts.
func (c *console) configOptions(id service.Identity, set []string) config.Options {
	opts := config.Options{
		File: id.ConfigFile(), Environ: os.Environ(), Set: set,
		InstallDir: installDir(), PolicyKey: id.PolicyKey(), Beside: !id.Default(),
	}
	if c.data == "" {
		opts.InstalledKey = id.RegistryKey() // what setup keeps is of the installation whose folder that is
	}
	return opts
}

// installDir is the folder of this program's own file, "" when the system does not tell.
func installDir() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Dir(exe)
}
