package process

import (
	"bytes"
	"hash/fnv"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// envMark is the environment variable that tells a child whose it is: <owner>/<instance>.
const envMark = "HOLDFAST_INSTANCE"

// mark tells whose a process is. It is the soft limit RLIMIT_RTTIME of the process in microseconds:
//
//	bit 62 | 24 bits owner | 16 bits launcher | 22 bits run
//
// As a limit it means 146 thousand years of real-time scheduling, which is none.
type mark uint64

const (
	markBit     = 1 << 62
	ownerBits   = 24
	nonceBits   = 16
	runBits     = 22
	noLimitMark = mark(0)
)

func newMark(owner string, nonce, run uint32) mark {
	h := fnv.New64a()
	_, _ = h.Write([]byte(owner))
	o := h.Sum64() & (1<<ownerBits - 1)
	return mark(markBit | o<<(nonceBits+runBits) | uint64(nonce&(1<<nonceBits-1))<<runBits | uint64(run&(1<<runBits-1)))
}

func (m mark) run() uint32 { return uint32(m & (1<<runBits - 1)) }

func (m mark) valid() bool { return m>>62 == 1 }

// sameOwner holds for the marks of all launchers with one owner.
func (m mark) sameOwner(n mark) bool {
	return m.valid() && n.valid() && m>>(nonceBits+runBits) == n>>(nonceBits+runBits)
}

// sameLauncher holds for the marks of one Launcher.
func (m mark) sameLauncher(n mark) bool { return m.valid() && n.valid() && m>>runBits == n>>runBits }

// readMark works for zombies too, and for processes of other users.
func readMark(pid int) mark {
	data, err := readSmall("/proc/" + strconv.Itoa(pid) + "/limits")
	if err != nil {
		return noLimitMark
	}
	return parseLimits(data)
}

func parseLimits(data []byte) mark {
	_, rest, ok := bytes.Cut(data, []byte("\nMax realtime timeout"))
	if !ok {
		return noLimitMark
	}
	line, _, _ := bytes.Cut(rest, []byte{'\n'})
	f := strings.Fields(string(line))
	if len(f) == 0 {
		return noLimitMark
	}
	v, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil || !mark(v).valid() {
		return noLimitMark
	}
	return mark(v)
}

// wear sets the mark for what this process forks until undo is called.
func (m mark) wear() (undo func(), err error) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &old); err != nil {
		return nil, err
	}
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: uint64(m), Max: old.Max}); err != nil {
		return nil, err
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_RTTIME, &old) }, nil // it was the limit a moment ago
}

// readEnvMark is the value of HOLDFAST_INSTANCE with which a process was started, "" when there is
// none or it is not ours to read.
func readEnvMark(pid int) string {
	data, err := readSmall("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if v, ok := bytes.CutPrefix(entry, []byte(envMark+"=")); ok {
			return string(v)
		}
	}
	return ""
}

// envMarkOwner is the owner in a value of HOLDFAST_INSTANCE; instances have no slash in their names.
func envMarkOwner(v string) string {
	if i := strings.LastIndexByte(v, '/'); i >= 0 {
		return v[:i]
	}
	return ""
}
