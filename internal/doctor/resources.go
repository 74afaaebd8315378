package doctor

import (
	"fmt"
	"path/filepath"
	"time"

	"holdfast/internal/config"
)

// The years in which this program runs, and how far the clock may be behind a file or jump.
const (
	firstYear, lastYear = 2025, 2100
	clockSlack          = 5 * time.Minute
	clockJump           = 2 * time.Second
)

func (e *exam) setClock() string {
	return e.on("sudo timedatectl set-ntp true", "w32tm /resync (as administrator)")
}

// clock compares the wall clock with what is known: the calendar, files that were written, and the
// monotonic clock.
func (e *exam) clock() {
	now := e.s.Now()
	if year := now.Year(); year < firstYear || year > lastYear {
		e.fail(e.setClock(), "the clock says %s", now.Format(time.RFC3339))
		return
	}
	good := true
	for _, dir := range e.folders() {
		tree, err := e.m.Tree(dir.path)
		if err != nil || tree.Newest == "" {
			continue // nothing was written yet, or the rights are told of
		}
		if ahead := tree.Written.Sub(now); ahead > clockSlack {
			good = false
			e.fail(e.setClock(), "%s was written %s later than this machine's clock says: the clock is, or was, wrong", filepath.Join(dir.path, tree.Newest), ahead.Round(time.Second))
		}
	}
	wall, passed := now.Round(0).Sub(e.s.Began.Round(0)), now.Sub(e.s.Began)
	if jumped(wall, passed) {
		good = false
		e.warn(e.setClock(), "the clock was set by %s while this command ran", (wall - passed).Round(time.Millisecond))
	}
	if good {
		e.ok("the clock says %s, and no file is newer", now.Format(time.RFC3339))
	}
}

// jumped tells whether the wall clock was set while time passed.
func jumped(wall, passed time.Duration) bool { return (wall - passed).Abs() > clockJump }

const (
	// leastFree is what Holdfast needs to go on writing its state at all.
	leastFree = 64 << 20
	// fewFiles is the share of inodes, in percent, below which they run out soon.
	fewFiles = 2
)

// disk compares the free space with what the logs may grow to.
func (e *exam) disk() {
	for _, dir := range []folder{{"data folder", e.s.Identity.DataDir()}, {"logs folder", e.s.Identity.LogDir()}} {
		d, at, err := e.volume(dir.path)
		if err != nil {
			e.unseen("the volume of the %s %s: %v", dir.what, dir.path, reason(err))
			continue
		}
		if d.ReadOnly {
			e.fail(e.on("sudo mount -o remount,rw "+quoted(at), "fsutil fsinfo volumeinfo "+at), "the volume of the %s %s is mounted read-only", dir.what, dir.path)
			continue
		}
		if d.Files > 0 && d.FreeFiles*100 < d.Files*fewFiles {
			e.fail("df -i "+quoted(at)+" shows them; remove files that are not needed", "the volume of the %s %s has %d of %d inodes left", dir.what, dir.path, d.FreeFiles, d.Files)
		}
		grow := uint64(0)
		if dir.what == "logs folder" && e.cfg != nil {
			grow = e.logsMayGrow()
		}
		find := e.on("du -xh "+quoted(at)+" | sort -h | tail", "cleanmgr")
		switch {
		case d.Free < leastFree:
			e.fail(find, "the volume of the %s %s has %s left", dir.what, dir.path, size(d.Free))
		case d.Free < grow:
			e.warn("lower max_size or max_files of logging.file, logging.access.file and apps.*.output.file, or make room: "+find,
				"the volume of the %s %s has %s left, and the logs may take %s more", dir.what, dir.path, size(d.Free), size(grow))
		case grow > 0:
			e.ok("the volume of the %s has %s left, and the logs may take %s more", dir.what, size(d.Free), size(grow))
		default:
			e.ok("the volume of the %s has %s left", dir.what, size(d.Free))
		}
	}
}

// volume is that of a folder, or of the nearest one above that exists.
func (e *exam) volume(dir string) (d Disk, at string, err error) {
	for at = dir; ; at = filepath.Dir(at) {
		if _, err = e.m.File(at); err == nil {
			d, err = e.m.Disk(at)
			return d, at, err
		}
		if filepath.Dir(at) == at {
			return d, at, err
		}
	}
}

// logsMayGrow is what the configured logs may take besides what they have.
func (e *exam) logsMayGrow() uint64 {
	bytes := func(f config.RotatedFile) uint64 { return uint64(f.MaxSize) * uint64(f.MaxFiles+1) } //nolint:gosec // neither is negative
	most := bytes(e.cfg.Logging.File)
	if e.cfg.Logging.Access.Enabled {
		most += bytes(e.cfg.Logging.Access.File)
	}
	for _, app := range e.cfg.Apps {
		most += bytes(app.Output.File) * uint64(app.Instances) //nolint:gosec // not negative
	}
	if tree, err := e.m.Tree(e.s.Identity.LogDir()); err == nil {
		most -= min(most, uint64(tree.Bytes)) //nolint:gosec // not negative
	}
	return most
}

// size is a number of bytes for a person.
func size(n uint64) string {
	value, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for value >= 1024 && i < len(units)-1 {
		value /= 1024
		i++
	}
	if value >= 10 || i == 0 {
		return fmt.Sprintf("%.0f %s", value, units[i])
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}

const (
	// handlesBase is for a thousand requests in flight, each with a connection on both sides, and what
	// Holdfast itself has open; each instance has pipes, a log and idle connections.
	handlesBase        = 4096
	handlesPerInstance = 16
)

// limits looks at what the system lets Holdfast have.
func (e *exam) limits() {
	if e.cfg == nil {
		return
	}
	e.openFiles()
	var bounded []string
	for name, app := range e.cfg.Apps {
		if app.Limits.Memory != 0 || app.Limits.CPU != 0 {
			bounded = append(bounded, name)
		}
	}
	if e.s.Delegation == nil || len(bounded) == 0 {
		return
	}
	how, err := e.s.Delegation()
	if err != nil {
		e.warn(e.on("Delegate=yes in the unit: "+e.admin("service install")+" and "+e.admin("service restart"), ""),
			"limits of %s are not enforced by the system: %v", many(len(bounded), "app"), err)
		return
	}
	e.ok("limits of %s are enforced by %s", many(len(bounded), "app"), how)
}

func (e *exam) openFiles() {
	if e.windows() {
		return // there is no such limit
	}
	instances := 0
	for _, app := range e.cfg.Apps {
		instances += app.Instances
	}
	need := uint64(handlesBase + handlesPerInstance*instances)
	pid := 0
	if e.registeredErr == nil && e.registered.State == "running" {
		pid = e.registered.PID
	}
	have, err := e.m.OpenFiles(pid)
	switch {
	case err != nil:
		e.unseen("the limit of open files: %v", reason(err))
	case have < need:
		e.warn(fmt.Sprintf("LimitNOFILE=%d in the unit (%s), or ulimit -n %d before it is run", max(need, 65536), e.admin("service install"), max(need, 65536)),
			"%d files may be open, and a thousand requests at once over %s need about %d", have, many(instances, "instance"), need)
	default:
		e.ok("%d files may be open", have)
	}
}
