package process

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ReapLeftovers kills what an earlier run of the same Owner left behind, which happens only when
// its guardian and its worker were killed in the same instant. Call it before the first Start, and
// only when it is certain that no other Holdfast with this Owner runs, for instance because its
// socket could be bound.
func (l *Launcher) ReapLeftovers() (int, error) {
	grouped, groupErr := l.groups().reapGroups(l.groupMark())
	killed, left, err := sweep(l.leftovers(), time.Now().Add(sweepTime), time.Sleep)
	if left > 0 {
		err = fmt.Errorf("%d processes of an earlier run cannot be killed: %w", left, orElse(err, unix.EBUSY))
	}
	return grouped + len(killed), errors.Join(err, groupErr)
}

// Leftovers are the processes that ReapLeftovers would end, which of other accounts' are not known.
func (l *Launcher) Leftovers() ([]int, error) {
	found, err := l.leftovers()()
	var all []int
	for _, p := range found {
		all = append(all, p.pid)
	}
	return all, err
}

// leftovers looks for processes of this owner that are not this launcher's.
func (l *Launcher) leftovers() func() ([]proc, error) {
	spare := map[int]bool{}
	for pid := os.Getpid(); pid > 0; {
		spare[pid] = true // ourselves and who started us, who may carry the mark of an outer Holdfast
		p, ok := readProc(pid)
		if !ok {
			break
		}
		pid = p.parent
	}
	mine := newMark(l.owner, l.nonce, 0)
	return func() ([]proc, error) {
		all, err := pids("/proc")
		if err != nil {
			return nil, fmt.Errorf("list processes: %w", err)
		}
		var found []proc
		for _, pid := range all {
			m := readMark(pid)
			ours := m.sameOwner(mine) && !m.sameLauncher(mine) || !m.valid() && envMarkOwner(readEnvMark(pid)) == l.owner
			if !ours || spare[pid] {
				continue
			}
			if p, ok := readProc(pid); ok && p.living {
				found = append(found, p)
			}
		}
		return found, nil
	}
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
