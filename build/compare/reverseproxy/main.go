// Command reverseproxy is httputil.ReverseProxy and nothing else: what a gateway in Go costs without any
// policy, log or metric. It is asked from build/compare.
package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run listens on the first argument and passes everything on to the second, a URL.
func run(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reverseproxy ADDRESS URL")
		return 2
	}
	target, err := url.Parse(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	server := &http.Server{
		Addr:              args[0],
		ReadHeaderTimeout: 10 * time.Second,
		Handler: &httputil.ReverseProxy{
			// The default keeps two connections to a host, with which most requests would open a new one.
			Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.SetXForwarded()
			},
		},
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	return 1
}
