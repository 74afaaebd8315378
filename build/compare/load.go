//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// wrkLoad is what wrk says about a load.
type wrkLoad struct {
	requests int
	rate     float64
	p50, p99 time.Duration
}

// wrk asks for url on all connections, as fast as it is answered.
func wrk(ctx context.Context, url string, length time.Duration) (wrkLoad, error) {
	seconds := strconv.Itoa(max(1, int(length.Seconds())))
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(clients), "-d"+seconds+"s", "--latency", url) //nolint:gosec // our own url
	out, err := cmd.CombinedOutput()
	if err != nil {
		return wrkLoad{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return readWrk(string(out))
}

// readWrk reads the report of wrk.
func readWrk(text string) (wrkLoad, error) {
	var l wrkLoad
	var err error
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			err = fmt.Errorf("wrk said no %s:\n%s", pattern, text)
			return ""
		}
		return m[1]
	}
	duration := func(text string) time.Duration {
		d, bad := time.ParseDuration(strings.Replace(text, "us", "µs", 1))
		err = errors.Join(err, bad)
		return d
	}
	l.requests, _ = strconv.Atoi(find(`(?m)^\s*(\d+) requests in`))
	l.rate, _ = strconv.ParseFloat(find(`(?m)^Requests/sec:\s+([\d.]+)`), 64)
	l.p50, l.p99 = duration(find(`(?m)^\s+50%\s+(\S+)`)), duration(find(`(?m)^\s+99%\s+(\S+)`))
	if strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
		err = errors.Join(err, fmt.Errorf("requests failed:\n%s", text))
	}
	if l.requests == 0 {
		err = errors.Join(err, errors.New("no request was answered"))
	}
	return l, err
}

// paced asks at a constant rate and returns the times that answers took, sorted. A request that has to
// wait for the answer before it took that long, too.
func paced(ctx context.Context, address, path string, rate float64, length time.Duration) ([]time.Duration, error) {
	interval := time.Duration(float64(clients) / rate * float64(time.Second))
	all, failures := make([][]time.Duration, clients), make([]error, clients)
	begin := time.Now()
	var work sync.WaitGroup
	for n := range clients {
		work.Go(func() {
			all[n], failures[n] = pace(ctx, address, path, begin.Add(interval*time.Duration(n)/clients), interval, begin.Add(length))
		})
	}
	work.Wait()
	took := slices.Concat(all...)
	slices.Sort(took)
	if len(took) == 0 {
		failures = append(failures, errors.New("no request was answered"))
	}
	return took, errors.Join(failures...)
}

// pace asks on one connection, at next and then every interval.
func pace(ctx context.Context, address, path string, next time.Time, interval time.Duration, end time.Time) ([]time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	in, request := bufio.NewReader(conn), []byte("GET "+path+" HTTP/1.1\r\nHost: "+address+"\r\n\r\n")
	var took []time.Duration
	for ; next.Before(end); next = next.Add(interval) {
		from := next // when it is late because of the answer before
		if wait := time.Until(next); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
			from = time.Now() // not when its own clock is
		}
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("status %s", res.Status)
		}
		took = append(took, time.Since(from))
	}
	return took, nil
}

// treeTime is the processor time of a process and all below it that live.
func treeTime(root int) time.Duration {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	parents, ticks := map[int]int{}, map[int]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(proc(pid, "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		for _, n := range []int{11, 12} { // utime, stime (proc_pid_stat(5))
			t, _ := strconv.Atoi(fields[n])
			ticks[pid] += t
		}
	}
	sum := 0
	for pid := range ticks {
		for at := pid; at > 0; at = parents[at] {
			if at == root {
				sum += ticks[pid]
				break
			}
		}
	}
	return time.Duration(sum) * time.Second / clockTicks
}
