//go:build !windows

package process

import "errors"

// SendConsoleEvent is of use on Windows only.
func SendConsoleEvent(int, string) error { return errors.New("console events exist on Windows only") }
