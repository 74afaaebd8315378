//go:build wine || windows

package scenarios

import (
	"fmt"
	"os"
	"testing"
)

// TestMain makes the packages, once for all tests.
func TestMain(m *testing.M) { os.Exit(testMain(m)) } //nolint:forbidigo // this is the main of a program

func testMain(m *testing.M) int {
	defer tidy()
	ready, err := prepare()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !ready {
		return 0
	}
	return m.Run()
}
