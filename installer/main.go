// Command installer makes and looks into the Windows Installer package of Holdfast, and packs
// somebody's own program the same way.
//
//	go run ./installer build --arch amd64 --version 1.2.3
//	go run ./installer pack ./shop --config holdfast.yaml --name Shop --manufacturer Acme --version 2.1.0 --upgrade-code {GUID}
//
// It runs on Linux, macOS and Windows. Packages are written by msibuild and gcab.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
