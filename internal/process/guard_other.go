//go:build !linux

package process

// Guard does nothing here: on Windows job objects end the children of a killed Holdfast.
func Guard() (code int, guarded bool) { return 0, false }
