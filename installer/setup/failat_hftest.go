//go:build hftest

package main

import "strings"

// testArguments are those of test builds.
func testArguments() []string { return []string{failAt} }

const failAt = "fail-at"

// failsAt tells whether v is the action, by either of its names, after whose work to fail.
func failsAt(given map[string]string, v verb) bool {
	at := given[failAt]
	return strings.EqualFold(at, v.name) || strings.EqualFold(at, v.action)
}
