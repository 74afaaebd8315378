package wine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processes are the ids of this prefix's processes whose command line has name in it, in any case.
func (p *Prefix) Processes(name string) []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	var found []int
	for _, dir := range dirs { // a process that ends meanwhile is none
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) //nolint:gosec // /proc
		env, _ := os.ReadFile(filepath.Join(dir, "environ"))  //nolint:gosec // /proc
		if strings.Contains(strings.ToLower(string(line)), strings.ToLower(name)) && strings.Contains("\x00"+string(env), "\x00WINEPREFIX="+p.Dir+"\x00") {
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				found = append(found, pid)
			}
		}
	}
	return found
}
