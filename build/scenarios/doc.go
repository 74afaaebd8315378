// Package scenarios installs the real packages as an administrator would, with msiexec, and looks at
// what is on the machine afterwards: files, registry, service, HTTP answers and leftovers.
//
// The same tests run in two places. On Linux each gets a Windows of its own from Wine, with a network
// of its own, so that they run beside each other on the default ports; as root:
//
//	go test -tags wine ./build/scenarios
//
// On Windows they install, break and remove things on the very machine, one after the other. They do
// so only when they are told that it is meant for that, and when it has packages to install:
//
//	set HOLDFAST_SCENARIOS=this-machine
//	set HOLDFAST_PACKAGES=C:\packages
//	go test ./build/scenarios
//
// What Wine cannot prove is in files ending with _windows_test.go: accounts, access lists, recovery
// actions, and a rollback that restores the version before. What a real machine cannot do in a test
// run, such as to lose its power, is in files ending with _linux_test.go.
package scenarios
