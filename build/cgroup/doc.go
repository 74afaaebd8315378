// Package cgroup proves on a real kernel what internal/process does with cgroup v2: limits that kill
// and bound, trees that cannot escape, leftovers that are removed. The machine that runs the tests
// may use cgroup v1 or be a container, and must not be changed; so the tests run in a kernel of their
// own, User Mode Linux, which is a program (Debian's package user-mode-linux).
//
//	go test -tags cgroup ./build/cgroup
package cgroup
