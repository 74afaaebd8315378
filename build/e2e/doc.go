// Package e2e drives the real binary on Linux, as its user would: it starts it with a configuration
// file, kills it and its children, reloads it under load, and looks at nothing but its gateway, its
// management API, its exit code and /proc.
//
// The tests have the build tag e2e and run from build/test e2e, which installs the programs that
// they supervise. Every process that a test starts inherits a mark in its environment, by which
// the test finds what was left behind.
package e2e
