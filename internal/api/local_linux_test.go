package api

import (
	"net"
	"syscall"
	"testing"
)

func TestAdmitUser(t *testing.T) {
	for _, test := range []struct {
		uid  uint32
		own  int
		want bool
	}{
		{0, 1000, true},
		{1000, 1000, true},
		{0, 0, true},
		{1001, 1000, false},
		{1000, 0, false},
		{4294967295, -1, false},
	} {
		err := admitUser(syscall.Ucred{Pid: 7, Uid: test.uid}, test.own)
		if (err == nil) != test.want {
			t.Errorf("user %d at a Holdfast of user %d: %v", test.uid, test.own, err)
		}
	}
}

func TestAdmitAsksTheKernel(t *testing.T) {
	l := listen(t, endpointIn(t))
	dialed, err := dialLocal(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dialed.Close() }()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	if err := admit(accepted); err != nil {
		t.Errorf("our own process: %v", err)
	}
	a, b := net.Pipe()
	defer func() { _ = a.Close(); _ = b.Close() }()
	if admit(a) == nil {
		t.Error("a connection without a known user is admitted")
	}
}
