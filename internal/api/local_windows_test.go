package api

import (
	"crypto/rand"
	"testing"
)

// endpointIn is a pipe that nobody else has.
func endpointIn(t *testing.T) string {
	t.Helper()
	return `\\.\pipe\holdfast-test-` + rand.Text()
}
