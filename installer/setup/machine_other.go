//go:build !windows

package main

import (
	"errors"

	"holdfast/internal/service"
)

// newMachine: setup is a part of the Windows package.
func newMachine(service.Identity) (machine, error) {
	return machine{}, errors.New("setup runs on Windows only")
}
