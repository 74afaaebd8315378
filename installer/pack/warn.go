package pack

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxTold is how many paths a warning names.
const maxTold = 8

// warn puts what was noted on the way into words.
func (h *harvester) warn() {
	say := func(paths []string, one, many, cure string) {
		if len(paths) == 0 {
			return
		}
		slices.Sort(paths)
		text := one
		if len(paths) > 1 {
			text = fmt.Sprintf(many, len(paths))
		}
		h.tree.Warnings = append(h.tree.Warnings, text+": "+some(paths)+"; "+cure)
	}
	say(h.suspects, "one file looks like a secret or does not belong on every machine", "%d files look like secrets or do not belong on every machine",
		"every user of the machine can read it: leave it out with --exclude, or say --allow if it is harmless")
	say(h.history, "one folder is version control", "%d folders are version control", "all that ever was in it would be on every machine: leave it out with --exclude")
	say(h.foreign, "one program is not for Windows", "%d programs are not for Windows", "install the dependencies for Windows (npm ci --os=win32 --cpu=x64), leave it out with --exclude, or say --allow")
	var empty []string
	for folder := range h.empty {
		if !h.empty[path.Dir(folder)] && !slices.ContainsFunc(strings.Split(folder, "/"), history) {
			empty = append(empty, folder)
		}
	}
	say(empty, "one folder is empty and left out", "%d folders are empty and left out", "let the program make it below its data folder")
	for i, p := range h.exclude {
		if h.tree.Excluded[i].Files == 0 {
			h.tree.Warnings = append(h.tree.Warnings, fmt.Sprintf("--exclude %s leaves nothing out; is it spelled as in the folder?", p.text))
		}
	}
}

// some are the first few of paths.
func some(paths []string) string {
	var shown []string
	for _, p := range paths[:min(len(paths), maxTold)] {
		shown = append(shown, printable(p))
	}
	text := strings.Join(shown, ", ")
	if more := len(paths) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Bytes is a size for a person: "14.2 MB".
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
