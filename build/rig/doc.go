// Package rig drives a real Holdfast for the tests of build/e2e, build/conformance and build/faults: a
// data folder with its addresses, runs of the binary in it, constant loads on its gateway, and a look at
// the machine's processes. Every process that a test starts inherits a mark in its environment, by which the test
// finds what was left behind; a process that is left fails the test.
package rig
