package gateway

import (
	"net/http"
	"strings"
	"testing"

	"holdfast/internal/status"
)

// TestInstanceEndedButItsConnectionsStay has an instance end whose connections nobody closes: its
// requests must not wait for the route's timeout. Those that may be sent again are.
func TestInstanceEndedButItsConnectionsStay(t *testing.T) {
	for _, tc := range []struct{ method, body, want string }{
		{"GET", "", "200 GET "},
		{"POST", "body", "502 upstream_failed "},
	} {
		t.Run(tc.method, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			asked, over := make(chan struct{}), make(chan struct{})
			defer close(over)
			mute := backend(t, func(http.ResponseWriter, *http.Request) { close(asked); <-over })
			target := status.Target{App: "shop", Instance: "shop-1", Address: strings.TrimPrefix(mute.URL, "http://")}
			r.set.SetReady(target, true)
			answer := later(testClient(t, false), tc.method, r.url("/"), tc.body)
			<-asked
			r.ready("shop-2", backend(t, bodyHandler))
			r.set.SetReady(target, false)
			r.set.Ended(target)
			if got := <-answer; got != tc.want {
				t.Errorf("answer = %s, want %s", got, tc.want)
			}
		})
	}
}
