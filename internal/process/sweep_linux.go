package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// sweepTime bounds how long a tree may take to die. Only a process that hangs in the kernel, or one
// of another user, takes longer.
const sweepTime = 5 * time.Second

// sweep kills what find finds until it finds nothing, or until the deadline. First everything is
// stopped, until nothing new turns up: the kernel does not complete a fork of a process with a
// pending signal, so a tree that is stopped is whole and none of it can slip out while it is killed.
// pause is called between two looks.
func sweep(find func() ([]proc, error), deadline time.Time, pause func(time.Duration)) (killed []proc, left int, err error) {
	stopped := map[proc]bool{}
	quiet := 0 // looks in a row that found nothing
	for fresh := true; fresh && time.Now().Before(deadline); {
		found, err := find()
		fresh = false
		if len(found) == 0 && err == nil {
			quiet = 1
		}
		for _, p := range found {
			id := proc{pid: p.pid, start: p.start}
			if !stopped[id] {
				stopped[id], fresh = true, true
				_ = p.send(unix.SIGSTOP) // one that refuses will refuse SIGKILL too, and is told then
			}
		}
	}
	delay := time.Millisecond / 4
	for {
		var found []proc
		found, err = find()
		if len(found) == 0 && err == nil {
			// A list of children may miss one while another ends, so it is read twice.
			if quiet++; quiet == 2 {
				break
			}
			continue
		}
		quiet = 0
		for _, p := range found {
			stopped[proc{pid: p.pid, start: p.start}] = true
			if e := p.send(unix.SIGKILL); e != nil {
				err = e
			}
		}
		if !time.Now().Before(deadline) {
			left = len(found)
			break
		}
		pause(delay)
		delay = min(2*delay, 20*time.Millisecond)
	}
	for id := range stopped {
		killed = append(killed, id)
	}
	return killed, left, err
}
