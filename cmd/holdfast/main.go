// Command holdfast hosts any HTTP program: it keeps it alive, fronts it as a gateway and is driven
// by a CLI and an HTTP API. The same binary is the service and its CLI.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
