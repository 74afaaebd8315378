//go:build faults && linux

package faults

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/status"
)

// TestScale is the small form of what build/bench measures: busybox httpd, with checks every second.
func TestScale(t *testing.T) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	apps, instances := pick(20, 200), 5
	var config strings.Builder
	config.WriteString(head + "apps:\n")
	for n := range apps {
		fmt.Fprintf(&config, `  tiny%d:
    command: [%q, httpd, -f, -p, "127.0.0.1:${port}", -h, "{dir}/site"]
    instances: %d
    readiness_probe: {http_get: {path: /}, period: 1s}
    liveness_probe: {http_get: {path: /}, period: 1s}
`, n, program, instances)
	}
	h := newHome(t, config.String())
	site(t, h.Dir)
	began := time.Now()
	r := h.StartReady()
	r.WaitFor("all of them to be ready", func() bool { return ready(h) == apps*instances })
	took := time.Since(began)
	rig.Pause(2 * time.Second)
	share := usage(r, func() { rig.Pause(pick(8*time.Second, 30*time.Second)) })
	limit := 0.15 * float64(apps*instances) / 1000
	// The 50 moments a second at which it wakes cost the same for one instance as for a thousand.
	limit = max(limit, 0.05)
	row(t, fmt.Sprintf("scale, %d x %d", apps, instances), share <= limit && took < time.Minute, fmt.Sprintf("at most %.1f %% of a core, started within 60 s", 100*limit),
		"%d ready after %v, then %.2f %% of a core with two probes a second each", apps*instances, took.Round(time.Millisecond), 100*share)
	if bad := ready(h); bad != apps*instances {
		t.Errorf("%d of %d are ready at the end", bad, apps*instances)
	}
	if code, _, err := rig.Get2("http://" + h.API + "/readyz"); err != nil || code != http.StatusOK {
		t.Errorf("readyz: %d %v", code, err)
	}
	r.Stop()
}

// ready counts the ready instances of all apps.
func ready(h *rig.Home) int {
	n := 0
	for _, a := range h.Apps() {
		for _, i := range a.Instances {
			if i.State == status.Running && i.Ready {
				n++
			}
		}
	}
	return n
}

// site is what busybox serves.
func site(t *testing.T, dir string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", `mkdir -p "$1/site" && echo well >"$1/site/index.html"`, "sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
