package api

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func listen(t *testing.T, endpoint string) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), endpoint, "Holdfast", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestListenOfASecondServer(t *testing.T) {
	endpoint := endpointIn(t)
	first := listen(t, endpoint)
	_, err := Listen(t.Context(), endpoint, "Shop", nil)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), `another Holdfast named "Shop" is running`) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	listen(t, endpoint)
}
