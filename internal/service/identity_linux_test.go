package service

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlaces(t *testing.T) {
	env := func(vars map[string]string) func(string) string { return func(k string) string { return vars[k] } }
	tests := []struct {
		name string
		got  places
		want places
	}{
		{"machine", machinePlaces("Holdfast"), places{
			data: "/var/lib/holdfast", config: "/etc/holdfast/holdfast.yaml", logs: "/var/log/holdfast", endpoint: "/run/holdfast/holdfast.sock",
		}},
		{"user", userPlaces("holdfast", 1000, env(map[string]string{"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/1000"})), places{
			data: "/home/ann/.local/state/holdfast", config: "/home/ann/.config/holdfast/holdfast.yaml",
			logs: "/home/ann/.local/state/holdfast/logs", endpoint: "/run/user/1000/holdfast/holdfast.sock",
		}},
		{"user with XDG folders, a relative one ignored", userPlaces("shop", 1000, env(map[string]string{
			"HOME": "/home/ann", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "s", "XDG_RUNTIME_DIR": "/r",
		})), places{
			data: "/home/ann/.local/state/shop", config: "/c/shop/holdfast.yaml",
			logs: "/home/ann/.local/state/shop/logs", endpoint: "/r/shop/holdfast.sock",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.got, cmp.AllowUnexported(places{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestSocketPathFits(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	long := "/" + strings.Repeat("d", 200)
	for dir, want := range map[string]string{
		"/srv/x": "/srv/x/holdfast.sock",
		long:     "/run/user/1000/holdfast/" + shortHash(long) + ".sock",
	} {
		if got := privateEndpoint("Shop", dir); got != want {
			t.Errorf("%.20s: got %s, want %s", dir, got, want)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "/"+strings.Repeat("r", 150))
	if got := privateEndpoint("Shop", long); len(got) > socketPathMax || !filepath.IsAbs(got) {
		t.Errorf("%s does not fit", got)
	}
}
