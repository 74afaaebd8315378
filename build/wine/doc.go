// Package wine proves on Linux what Holdfast does as a Windows service, with Wine as the Windows.
//
// It prepares one prefix (a Windows installation in a folder) under build/out/wine and copies it for
// every test, so that no test sees another's services. Its own tests need Wine and have the build
// tag wine:
//
//	go test -tags wine ./build/wine
//
// What Wine proves is behaviour: the states of the service control manager, controls, job objects,
// pipes. What it cannot prove is listed in SECURITY.md: accounts and access lists, recovery actions,
// preshutdown, the Event Log's display, Ctrl-Break.
package wine
