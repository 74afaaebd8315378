package product

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// checkVersion wants exactly three numbers within Windows Installer's bounds
// (learn.microsoft.com/windows/win32/msi/productversion). What the Installer would not see is refused,
// not cut off: 2.1.0-rc.1 and 2.1.0, or 2.1.0.1 and 2.1.0.2, would be the same version to it, and the
// second would not replace the first.
func checkVersion(v string) error {
	if v == "" {
		return errors.New("version: it is missing; write three numbers, such as 2.1.0")
	}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("version %q: %s", v, fmt.Sprintf(format, args...))
	}
	if strings.ContainsAny(v, "-+") {
		core, _, _ := strings.Cut(strings.TrimPrefix(v, "v"), "-")
		core, _, _ = strings.Cut(core, "+")
		return bad("Windows Installer knows no pre-releases and would take it for %s itself; give it a number of its own below the release, such as the release's predecessor with a higher third number", core)
	}
	parts := strings.Split(v, ".")
	if len(parts) != 3 {
		return bad("write exactly three numbers, such as 2.1.0: Windows Installer compares no fourth one")
	}
	for i, part := range parts {
		most := [...]uint64{255, 255, 65535}[i]
		n, err := strconv.ParseUint(part, 10, 32)
		switch {
		case err != nil && i == 0 && strings.HasPrefix(part, "v"):
			return bad("write it without the v: %s", v[1:])
		case err != nil:
			return bad("%q is not a number; write three numbers, such as 2.1.0", part)
		case n > most:
			return bad("the %s number is at most %d", [...]string{"first", "second", "third"}[i], most)
		case part != strconv.FormatUint(n, 10):
			return bad("write %d instead of %s: there is one spelling of a version", n, part)
		}
	}
	return nil
}
