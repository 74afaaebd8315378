package gateway

import (
	"net/http"
	"testing"

	"holdfast/internal/config"
)

// behind has a route with an echoing upstream and the given policies, from a trusted proxy.
func behind(t *testing.T, edit func(*config.Route)) *rig {
	t.Helper()
	up := backend(t, echoHandler)
	route := appRoute()["shop"]
	edit(&route)
	c := testConfig(map[string]config.Route{"shop": route})
	l := c.Listeners["web"]
	l.TrustedProxies = []string{"127.0.0.1"}
	c.Listeners["web"] = l
	r := start(t, c)
	r.ready("shop-1", up)
	return r
}

func TestNetworks(t *testing.T) {
	for name, tt := range map[string]struct {
		allow, deny []string
		client      string
		want        int
	}{
		"allowed network":             {[]string{"10.0.0.0/8"}, nil, "10.1.2.3", 200},
		"outside of it":               {[]string{"10.0.0.0/8"}, nil, "11.1.2.3", 403},
		"one address":                 {[]string{"192.0.2.7"}, nil, "192.0.2.7", 200},
		"its neighbour":               {[]string{"192.0.2.7"}, nil, "192.0.2.8", 403},
		"denied":                      {nil, []string{"192.0.2.0/24"}, "192.0.2.8", 403},
		"not denied":                  {nil, []string{"192.0.2.0/24"}, "192.0.3.8", 200},
		"deny wins":                   {[]string{"192.0.2.0/24"}, []string{"192.0.2.8"}, "192.0.2.8", 403},
		"allowed beside a denied one": {[]string{"192.0.2.0/24"}, []string{"192.0.2.8"}, "192.0.2.9", 200},
		"version 6":                   {[]string{"2001:db8::/32"}, nil, "2001:db8:1::1", 200},
		"version 4 in 6":              {[]string{"10.0.0.0/8"}, nil, "::ffff:10.1.2.3", 200},
		"version 4 in 6, denied":      {nil, []string{"10.0.0.0/8"}, "::ffff:10.1.2.3", 403},
		"rule in the mapped form":     {nil, []string{"::ffff:10.0.0.0/104"}, "10.1.2.3", 403},
		"unknown client":              {[]string{"10.0.0.0/8"}, nil, "unknown", 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := behind(t, func(c *config.Route) { c.Allow, c.Deny = tt.allow, tt.deny })
			res, body := get(t, testClient(t, false), http.MethodGet, r.url("/"), "X-Forwarded-For", tt.client)
			if res.StatusCode != tt.want {
				t.Fatalf("status %d, want %d", res.StatusCode, tt.want)
			}
			if tt.want == http.StatusForbidden {
				if code := problemCode(t, res, body); code != "address_not_allowed" {
					t.Errorf("code %q", code)
				}
				if n := r.metric("holdfast_auth_failures_total", "route", "shop", "reason", "address"); n != 1 {
					t.Errorf("%v failures counted", n)
				}
			}
		})
	}
}
