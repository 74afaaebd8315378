//go:build linux

package main

import (
	"testing"
	"time"
)

const wrkReport = `Running 3s test @ http://127.0.0.1:1/1k
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     4.95ms    2.62ms  30.50ms   77.57%
    Req/Sec     6.53k     0.96k    8.24k    66.67%
  Latency Distribution
     50%  950.00us
     75%    6.16ms
     90%    8.05ms
     99%   13.62ms
  39094 requests in 3.01s, 47.12MB read
Requests/sec:  12988.42
Transfer/sec:     15.66MB
`

func TestReadWrk(t *testing.T) {
	want := wrkLoad{requests: 39094, rate: 12988.42, p50: 950 * time.Microsecond, p99: 13620 * time.Microsecond}
	if got, err := readWrk(wrkReport); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "  Non-2xx or 3xx responses: 5\n" + wrkReport, "  Socket errors: connect 0, read 3\n" + wrkReport} {
		if got, err := readWrk(bad); err == nil {
			t.Errorf("%.40q: %+v and no error", bad, got)
		}
	}
}
