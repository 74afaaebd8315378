//go:build !windows

package config

// machineRegistry is nil: only Windows has a registry.
func machineRegistry() Registry { return nil }
