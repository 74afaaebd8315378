package main

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

// TestRoutesReady shows that what a route has taken out is not counted as ready, of an app and of urls alike.
func TestRoutesReady(t *testing.T) {
	targets := []status.RouteTarget{{State: status.TargetReady}, {State: status.TargetEjected}, {State: status.TargetReady}}
	for name, r := range map[string]api.Route{
		"app":  {Kind: api.RouteApp, Ready: 3, Desired: 3, Targets: targets},
		"urls": {Kind: api.RouteURLs, Targets: targets},
	} {
		var out strings.Builder
		if err := (&console{}).writeRoutes(&out, style{now: now(), zone: time.UTC}, []api.Route{r}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "2/3, 1 ejected") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}
