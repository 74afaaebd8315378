// Package process runs one program at a time together with its whole tree: it starts it, sees its
// end, asks it to end, kills what is left and captures what it writes. It knows nothing of restart
// policies; internal/supervise decides, this package does.
//
// # Who owns a tree
//
// The promise is the same everywhere: no process outlives its instance, and none outlives Holdfast,
// however Holdfast ends. The means differ.
//
// Windows. Each child is put into a job object of its own at creation, before its first
// instruction; descendants are born into the same job and cannot leave it. The only handle to the
// job is ours and closing it kills the job, so the kernel ends every tree when Holdfast dies. Kill
// terminates the job.
//
// Linux. Five things together, each covering what the one before cannot reach:
//
//   - A parent-death signal (SIGKILL) on every child. It is tied to the thread that forked, so all
//     forks are done by one locked thread that lives as long as Launcher.Run (Go issue 27505). It
//     reaches children only, and is lost by set-user-ID programs.
//   - The process is a child subreaper: a descendant whose parent dies becomes our own child,
//     whatever session it has put itself in. So a tree is found from our own children downwards, at
//     a cost that does not grow with the machine.
//   - A mark tells whose an adopted child is: the soft limit of CPU time under real-time scheduling
//     (RLIMIT_RTTIME) is set to a number near 2^62 microseconds, which is as good as none and holds
//     the owner, the launcher and the run. The kernel hands it down through fork, exec and setsid,
//     a cleared environment or an overwritten one (nginx) does not lose it, and any process may read
//     it in /proc/PID/limits. Beside it stand the session, since every child leads one of its own,
//     and the variable HOLDFAST_INSTANCE.
//   - Where a cgroup v2 was delegated to Holdfast, every start of an instance has a cgroup of its own,
//     into which it is born (clone3). cgroup.kill ends it at once, a fork bomb included. All of the
//     above holds without one, too.
//   - A guardian (Guard) is the first process: it is a subreaper too, starts the same executable
//     again as the worker, and kills everything below it when the worker ends. The worker does the
//     same when the guardian ends. When both are killed in the same instant, children die by their
//     parent-death signal and the next start's Launcher.ReapLeftovers finds the rest by the mark.
//
// What is not ours is never touched: a child of this process that is in our own session, or without
// a mark of the Launcher, is neither waited for nor killed, so os/exec works beside a Launcher.
//
// # Limits and usage
//
// Spec.Limits are in force before the first instruction: by the job object on Windows, by the cgroup
// on Linux (memory.max without swap, the whole tree ending together; cpu.max). Where there is no
// cgroup, nothing fails: Launcher.Enforces tells what is not in force, and why. Holdfast takes up a
// cgroup only when it is its own: its processes move into a leaf of it, since a cgroup that hands
// controllers on must be empty, and one that others share or that systemd keeps is left alone.
//
// Child.Usage costs some 10 microseconds for a tree of one process. On Linux the tree is found in a
// list of all processes that serves all Usage calls of half a second and of which only newcomers
// are looked at; what is read again and again stays open. A cgroup, and a job object, tell
// themselves who is in them. An Exit has the newest measurement and the system's totals.
//
// # Who owns which goroutine
//
// Launcher.Run owns the forking thread and the reaper, and returns when both have ended. A Child
// has one goroutine per captured stream (parked in the runtime's poller; no thread) and, for an
// instant, one at its end; Child.Close waits for them. An Output has a writer only while there is
// something to write; Output.Close waits for it.
package process
