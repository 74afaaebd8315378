//go:build !hftest

package main

// testArguments are those of test builds.
func testArguments() []string { return nil }

// failsAt is false: only test builds fail where they are told to.
func failsAt(map[string]string, verb) bool { return false }
