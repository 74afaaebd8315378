package process

import (
	"math"
	"strconv"
)

// sizeText is a number of bytes as the configuration writes it.
func sizeText(n uint64) string {
	for i, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if factor := uint64(1) << (40 - 10*i); n != 0 && n%factor == 0 {
			return strconv.FormatUint(n/factor, 10) + unit
		}
	}
	return strconv.FormatUint(n, 10) + "B"
}

// cpuMax is limits.cpu as cpu.max of a cgroup wants it: microseconds of processor time per period of
// so many microseconds. The kernel takes neither less than 1 ms of time nor a period of more than
// 1 s: docs.kernel.org/admin-guide/cgroup-v2.html, docs.kernel.org/scheduler/sched-bwc.html.
func cpuMax(cores float64) string {
	const least = 1000
	period := 100_000
	if cores*float64(period) < least {
		period = 1_000_000
	}
	quota := max(least, int(math.Round(cores*float64(period))))
	return strconv.Itoa(quota) + " " + strconv.Itoa(period)
}

// cpuRate is limits.cpu as a job object wants it: in 1/10000 of the time of all processors of the
// machine (JOBOBJECT_CPU_RATE_CONTROL_INFORMATION). 0 is no bound: more than there is.
func cpuRate(cores float64, processors int) uint32 {
	const all = 10_000
	rate := math.Round(cores / float64(max(1, processors)) * all)
	if rate >= all {
		return 0
	}
	return uint32(max(1, rate))
}
