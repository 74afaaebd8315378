// Command target is the tiny HTTP server that every supervisor in the comparison keeps alive: it
// answers its process id on 127.0.0.1:PORT.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	os.Exit(run())
}

func run() int {
	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", os.Getenv("PORT")),
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strconv.Itoa(os.Getpid())))
		}),
	}
	_, _ = fmt.Fprintln(os.Stderr, server.ListenAndServe())
	return 1
}
