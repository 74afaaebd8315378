package port

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMain makes the test binary the program that listens: "listen" prints its port, "parent" has a
// child that does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"listen", "parent"}, os.Args[1]) {
		os.Exit(act(os.Args[1])) //nolint:forbidigo // a TestMain ends the process
	}
	os.Exit(m.Run()) //nolint:forbidigo // a TestMain ends the process
}

func act(what string) int {
	if what == "parent" {
		cmd := exec.Command(os.Args[0], "listen")
		cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
		if cmd.Run() != nil {
			return 1
		}
		return 0
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	defer func() { _ = l.Close() }()
	_, _ = os.Stdout.WriteString(strconv.Itoa(l.Addr().(*net.TCPAddr).Port) + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test ends
	return 0
}

// program starts this binary as one that listens, and tells the port.
func program(t *testing.T, what string) (pid, port int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], what)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line := make([]byte, 16)
	n, err := stdout.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	if port, err = strconv.Atoi(strings.TrimSpace(string(line[:n]))); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, port
}

// TestMachine looks at real programs with the real system.
func TestMachine(t *testing.T) {
	m := New()
	self := filepath.Base(os.Args[0])
	pid, port := program(t, "listen")
	parent, inner := program(t, "parent")
	if tree := below(m.system.processes(), parent); len(tree) != 2 || tree[0] != parent {
		t.Errorf("the tree of process %d is %v, want it and its child", parent, tree)
	}
	if name := m.system.name(pid); name != self {
		t.Errorf("process %d is called %q, want %q", pid, name, self)
	}
	if !tellsOwner() { // Wine: a port and nothing about its owner
		if owner, held := m.Owner(port); !held || owner != (Owner{}) {
			t.Errorf("owner of %d: %+v %v", port, owner, held)
		}
		return
	}
	want := Owner{PID: pid, Program: self}
	got, held := m.Owner(port)
	got.User = "" // of the system
	if !held || got != want {
		t.Errorf("owner of %d: %+v %v, want %+v", port, got, held, want)
	}
	if holder := m.Holder(port); holder != self+" (process "+strconv.Itoa(pid)+")" {
		t.Errorf("holder: %q", holder)
	}
	if ports := m.Listening(pid); !slices.Equal(ports, []int{port}) {
		t.Errorf("process %d listens on %v, want %d", pid, ports, port)
	}
	if ports := m.Listening(parent); !slices.Equal(ports, []int{inner}) {
		t.Errorf("the parent's tree listens on %v, want %d", ports, inner)
	}
	for _, none := range []int{0, -1, 1 << 30} {
		if ports := m.Listening(none); ports != nil {
			t.Errorf("process %d listens on %v", none, ports)
		}
	}

	six, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	number := six.Addr().(*net.TCPAddr).Port
	if owner, held := m.Owner(number); !held || owner.PID != os.Getpid() {
		t.Errorf("owner of port %d over IPv6: %+v %v", number, owner, held)
	}
	if err := six.Close(); err != nil {
		t.Fatal(err)
	}
	if owner, held := m.Owner(number); held {
		t.Errorf("port %d is held by %v after it was closed", number, owner)
	}
	if m.Holder(number) != "" {
		t.Errorf("the holder of a free port is %q", m.Holder(number))
	}
	if reason := m.Excluded(number); reason != "" {
		t.Errorf("port %d, which was just held, is excluded: %s", number, reason)
	}
}

// fake is a system whose answers are given.
type fake struct {
	held   []listener
	all    []process
	open   map[int][]int // sockets
	names  map[int]string
	low    Rights
	kept   []Range
	silent bool
	asked  int
}

func (f *fake) listeners() []listener                   { return f.held }
func (f *fake) processes() []process                    { return f.all }
func (f *fake) sockets([]listener, []int) map[int][]int { return f.open }
func (f *fake) name(pid int) string                     { return f.names[pid] }
func (f *fake) user(id string) string {
	if id == "112" {
		return "postgres"
	}
	return id
}
func (f *fake) rights() Rights          { return f.low }
func (f *fake) ranges() ([]Range, bool) { f.asked++; return f.kept, !f.silent }

func TestHolder(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    fake
		want string
	}{
		{"nobody", fake{held: []listener{{port: 81}}}, ""},
		{"a program", fake{held: []listener{{port: 80, pid: 812}}, names: map[int]string{812: "nginx"}}, "nginx (process 812)"},
		{"without a name", fake{held: []listener{{port: 80, pid: 812}}}, "process 812"},
		{"kernel of Windows", fake{held: []listener{{port: 80, pid: 4}}, names: map[int]string{4: "http.sys"}}, "http.sys (IIS or another Windows web service; netsh http show servicestate)"},
		{"workers share a socket", fake{held: []listener{{port: 80, inode: "7"}}, open: map[int][]int{900: {80}, 812: {80}}, names: map[int]string{812: "nginx", 900: "worker"}}, "nginx (process 812)"},
		{"another account's", fake{held: []listener{{port: 80, inode: "7", uid: "112"}}}, "a program of user postgres"},
		{"an account without a name", fake{held: []listener{{port: 80, inode: "7", uid: "4711"}}}, "a program of user 4711"},
		{"not told", fake{held: []listener{{port: 80}}}, "another program"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &Machine{system: &tt.f}
			if got := m.Holder(80); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestListeningNowhere tells a program that listens on no port from one of which that is not known.
func TestListeningNowhere(t *testing.T) {
	for name, f := range map[string]struct {
		fake  fake
		known bool
	}{
		"none of its own": {fake{held: []listener{{port: 80, pid: 4}}, all: []process{{pid: 10}}}, true},
		"none is told":    {fake{all: []process{{pid: 10}}}, false},
		"no such process": {fake{held: []listener{{port: 80, pid: 4}}}, false},
	} {
		got := (&Machine{system: &f.fake}).Listening(10)
		if known := got != nil; known != f.known || len(got) != 0 {
			t.Errorf("%s: %#v, known: %v", name, got, f.known)
		}
	}
}

func TestBelow(t *testing.T) {
	all := []process{
		{pid: 1, started: 1},
		{pid: 10, parent: 1, session: 10, started: 50},
		{pid: 11, parent: 10, session: 10, started: 51},
		{pid: 12, parent: 11, session: 12, started: 52}, // a session of its own
		{pid: 13, parent: 1, session: 10, started: 53},  // orphaned, and adopted by another
		{pid: 20, parent: 1, session: 20, started: 54},
		{pid: 30, parent: 10, started: 49}, // of another process that had the number 10
		{pid: 31, parent: 12},              // when it started is not known
	}
	got := below(all, 10)
	slices.Sort(got)
	if want := []int{10, 11, 12, 13, 31}; !slices.Equal(got, want) {
		t.Errorf("below 10: %v, want %v", got, want)
	}
	if got := below(all, 99); len(got) > 0 {
		t.Errorf("below nobody: %v", got)
	}
}

func TestExcluded(t *testing.T) {
	f := &fake{low: Rights{From: 1024}, kept: []Range{{5000, 5099}}}
	m := &Machine{system: f}
	for port, want := range map[int]string{
		80: "ports below 1024 need a right", 1023: "CAP_NET_BIND_SERVICE", 1024: "", 4999: "", 5100: "", 0: "",
		5000: "Windows reserves the ports 5000 to 5099", 5099: "startport=5099 numberofports=1",
	} {
		if got := m.Excluded(port); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("port %d: %q, want %q", port, got, want)
		}
	}
	if f.asked != 1 {
		t.Errorf("the system was asked %d times in a moment, want once", f.asked)
	}
	// Old news is better than none when the system does not tell.
	f.silent, f.kept, m.looked = true, nil, m.looked.Add(-2*rangesAge)
	if m.Excluded(5050) == "" || f.asked != 2 {
		t.Errorf("the known ranges are forgotten (asked %d times)", f.asked)
	}
	f.silent, f.low.Programs, m.looked = false, true, m.looked.Add(-2*rangesAge)
	if reason := m.Excluded(5050) + m.Excluded(80); reason != "" {
		t.Errorf("excluded although nothing is: %s", reason)
	}
}

func TestParseRanges(t *testing.T) {
	want := []Range{{80, 80}, {5357, 5357}, {50000, 50099}}
	for _, file := range []string{"netsh_en.txt", "netsh_zh.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parseRanges(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
	for _, text := range []string{"", "The following command was not found.\n", "80\n", "80 79\n", "0 10\n", "1 70000\n", "-1 5\n", "1 2 3\n"} {
		if got := parseRanges([]byte(text)); got != nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestParseProcNet(t *testing.T) {
	const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   112        0 34561 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0
   2: broken:line
   3: 0100007F:XX90 00000000:0000 0A 0:0 0:0 0 0 0 5
   4: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 9 1 0
   5: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 10 1 0
`
	got := parseProcNet(strings.NewReader(text))
	want := []listener{{port: 8080, uid: "112", inode: "34561"}, {port: 80, uid: "0", inode: "77"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v: the connections end the list", got, want)
	}
}

func TestParseTable(t *testing.T) {
	four := []byte{2, 0, 0, 0}
	four = append(four, row(24, 8, 20, 8080, 812)...)
	four = append(four, row(24, 8, 20, 80, 4)...)
	want := []listener{{port: 8080, pid: 812}, {port: 80, pid: 4}}
	if got := parseTable(append(four, make([]byte, 100)...), rowOf4()); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	six := append([]byte{1, 0, 0, 0}, row(56, 20, 52, 443, 70000)...)
	if got := parseTable(six, rowOf6()); !slices.Equal(got, []listener{{port: 443, pid: 70000}}) {
		t.Errorf("%+v", got)
	}
	for _, cut := range [][]byte{nil, {1}, {1, 0, 0, 0}, four[:27]} {
		if got := parseTable(cut, rowOf4()); got != nil {
			t.Errorf("%v: %+v", cut, got)
		}
	}
}

// row is one of a table, its state and addresses filled with what must not be read.
func row(size, portAt, pidAt, port, pid int) []byte {
	b := bytes.Repeat([]byte{0xff}, size)
	copy(b[portAt:], []byte{byte(port >> 8), byte(port), 0, 0})
	copy(b[pidAt:], []byte{byte(pid), byte(pid >> 8), byte(pid >> 16), 0})
	return b
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{"  80 90\n", "   0: 0100007F:1F90 0:0 0A 0:0 0:0 0 112 0 34561\n", "\x02\x00\x00\x00" + strings.Repeat("\xff", 56)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, r := range parseRanges(data) {
			if r.First < 1 || r.Last < r.First || r.Last > 65535 {
				t.Errorf("range %v", r)
			}
		}
		for _, found := range [][]listener{parseTable(data, rowOf4()), parseTable(data, rowOf6()), parseProcNet(bytes.NewReader(data))} {
			for _, l := range found {
				if l.port < 1 || l.port > 65535 {
					t.Errorf("listener %+v", l)
				}
			}
		}
	})
}
