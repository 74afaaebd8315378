//go:build conformance && linux

package conformance

import (
	"os"
	"testing"

	"holdfast/build/rig"
)

// binary is the holdfast under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(rig.Run(m, func(built string) { binary = built })) //nolint:forbidigo // a TestMain ends the process
}
