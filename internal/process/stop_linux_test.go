package process

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStopMethods(t *testing.T) {
	for _, tt := range []struct {
		stop Stop
		want string
	}{
		{Sigterm, "got terminated"},
		{CtrlC, "got interrupt"},
		{CtrlBreak, "got interrupt"},
	} {
		t.Run(string(tt.stop), func(t *testing.T) {
			l, o := launch(t), output(t)
			// The shell does not pass signals on: the group gets them.
			script := `"$0" as polite & p=$!; trap : TERM INT; wait $p; wait $p; exit $?`
			c := start(t, l, Spec{Command: []string{"sh", "-c", script, self(t, "x")[0]}, Output: o})
			waitLine(t, o, "up")
			if err := c.Signal(tt.stop); err != nil {
				t.Fatal(err)
			}
			waitDone(t, c)
			c.Kill()
			until(t, tt.want, func() bool { return slices.Contains(texts(o), tt.want) })
		})
	}
}

func TestStubbornProgramIsKilled(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "stubborn"), Output: o})
	waitLine(t, o, "up")
	for _, s := range []Stop{Sigterm, CtrlC, CtrlBreak} {
		if err := c.Signal(s); err != nil {
			t.Error(err)
		}
	}
	if got := c.Kill(); got != 0 {
		t.Errorf("%d orphans", got)
	}
	waitDone(t, c)
	if got := c.Exit(); got.Signal != "SIGKILL" || got.Code != -1 || got.Text != "killed by Holdfast" {
		t.Errorf("exit = %+v", got)
	}
}

func TestDeathBySignal(t *testing.T) {
	l := launch(t)
	c := start(t, l, Spec{Command: self(t, "die", "15")})
	waitDone(t, c)
	if got := c.Exit(); got.Signal != "SIGTERM" || got.Code != -1 || got.Text != "killed by SIGTERM" {
		t.Errorf("exit = %+v", got)
	}
}

func TestChildLeadsItsSession(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "wait"), Output: o})
	waitLine(t, o, "up")
	if sid, err := unix.Getsid(c.PID()); err != nil || sid != c.PID() {
		t.Errorf("session %d, %v; want %d", sid, err, c.PID())
	}
}
