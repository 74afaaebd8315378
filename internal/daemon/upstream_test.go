package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/gateway"
)

func TestEjectionEvents(t *testing.T) {
	for _, tt := range []struct {
		ejection     gateway.Ejection
		kind         event.Type
		app, message string
	}{
		{
			gateway.Ejection{App: "shop", Route: "site", Instance: "shop-2", Out: true, For: time.Minute, Failures: 5},
			"upstream.ejected", "shop", "route site sends nothing to shop-2 for 1m0s: 5 failures in a row",
		},
		{gateway.Ejection{Route: "site", Instance: "a:80"}, "upstream.returned", "", "route site sends requests to a:80 again"},
	} {
		body := ejectionEvent(tt.ejection)
		if body.Type() != tt.kind || body.Message() != tt.message {
			t.Errorf("%s: %s", body.Type(), body.Message())
		}
	}
}

// TestSigningKey is made once, for its owner alone, and kept.
func TestSigningKey(t *testing.T) {
	dir := t.TempDir()
	first, err := signingKey(dir)()
	if err != nil || len(first) != gateway.StickyKeySize || bytes.Equal(first, make([]byte, len(first))) {
		t.Fatal(first, err)
	}
	again, err := signingKey(dir)()
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("after a restart: %x, was %x, %v", again, first, err)
	}
	path := filepath.Join(dir, "state", "sticky.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
		t.Errorf("%v, %v", info, err)
	}
	if other, err := signingKey(t.TempDir())(); err != nil || bytes.Equal(first, other) {
		t.Errorf("another installation has the same key, %v", err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signingKey(dir)(); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a damaged file: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signingKey(dir)(); err == nil {
		t.Error("a long file is taken")
	}
}
