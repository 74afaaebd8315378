//go:build !windows

package certs

import "holdfast/internal/config"

func openSystemStore(config.WindowsStore) (systemStore, error) { return nil, errElsewhere }
