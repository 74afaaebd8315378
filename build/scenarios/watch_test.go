//go:build wine || windows

package scenarios

import (
	"maps"
	"os"
	"slices"
	"time"
)

// watcher keeps what setup and service wrote while msiexec ran: an installation that is taken back
// takes its logs with it.
type watcher struct {
	stop, stopped chan struct{}
	seen          map[string]string // by Windows path
}

// watch looks until end is called.
func (m *machine) watch() *watcher {
	w := &watcher{stop: make(chan struct{}), stopped: make(chan struct{}), seen: make(map[string]string)}
	go func() {
		defer close(w.stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
			for _, product := range products {
				for _, log := range []string{`\setup\setup.log`, `\logs\holdfast.log`} {
					file := `C:\ProgramData\` + product + log
					if data, err := os.ReadFile(m.path(file)); err == nil && len(data) > 0 {
						w.seen[file] = string(data)
					}
				}
			}
		}
	}()
	return w
}

// end stops looking and gives what was seen of the files that are gone now.
func (w *watcher) end(m *machine) string {
	close(w.stop)
	<-w.stopped
	text := ""
	for _, file := range slices.Sorted(maps.Keys(w.seen)) {
		if _, err := os.Stat(m.path(file)); err != nil {
			text += "--- " + file + " (gone)\n" + tail(w.seen[file], 60) + "\n"
		}
	}
	return text
}
