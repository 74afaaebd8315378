package main

import (
	"net"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program itself when a script runs it under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"holdfast": main})
}

// TestScript are stories of users, with a real Holdfast and real children.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"WEB_PORT", "MANAGEMENT_PORT"} {
				port, err := freePort(t)
				if err != nil {
					return err
				}
				env.Setenv(name, port)
			}
			held, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // by somebody else
			if err != nil {
				return err
			}
			env.Defer(func() { _ = held.Close() })
			env.Setenv("TAKEN_PORT", strconv.Itoa(held.Addr().(*net.TCPAddr).Port))
			env.Setenv("HOLDFAST_DATA", env.WorkDir+"/data")
			env.Setenv("LC_ALL", "C.UTF-8")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"eventually": eventually, "tells": tells},
	})
}

// freePort is one that nobody listens on at this moment.
func freePort(t *testing.T) (string, error) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// tells runs a command until what it prints has a text that matches, for at most 20 s, whatever its
// exit code: tells 'exit code 3' holdfast status shop.
func tells(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tells REGEXP COMMAND...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ts.Exec(args[1], args[2:]...)
		told := ts.ReadFile("stdout")
		if want.MatchString(told) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v never told %q (%v):\n%s", args[1:], args[0], err, told)
		}
	}
}

// eventually runs a command until it succeeds, for at most 20 s: eventually holdfast status.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v never succeeded: %v", args, err)
		}
	}
}
