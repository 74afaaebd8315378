// Package service makes one program a good service wherever it runs: under the Windows service
// control manager (SCM), under systemd, or in a console.
//
// An Identity turns one name into every other name: service, unit, folders, registry keys, pipe or
// socket, event source, account. Run hosts a Program: it tells the service manager how the start
// proceeds, says Running only when the program is Ready, passes on pause, continue and reload, and
// ends the program within a bounded time. A Manager registers and drives the service from outside,
// by plans that can be shown before they are carried out.
//
// # Promises
//
//   - Run starts the program once and, unless a stop overran, returns after it has ended and after
//     every goroutine that Run started has ended.
//   - Reload, Pause and Resume are called one after the other, never at once, and only between Ready
//     and the end of the program's context.
//   - The loop that hears the service manager does no work itself, so that it always hears.
//   - A program that ends unasked gives a non-zero exit code, so that the recovery actions of the
//     service manager restart it. The codes are the table ExitCodes.
//
// # Goroutines
//
// Run owns two: the program's own, and at most one that carries out a reload, pause or resume.
// Nothing else in this package starts one, except os/signal.
package service
