package process

import (
	"fmt"
	"strings"
)

// batchArgument refuses what cmd.exe, or a batch file that uses the argument, would interpret: no
// quoting is safe in both, so nothing is quoted around it (CVE-2024-24576).
func batchArgument(arg string) error {
	for _, r := range arg {
		if r < ' ' || r == 0x7f || strings.ContainsRune("\"%!^&|<>()`", r) {
			return fmt.Errorf("argument %q holds %q, which cmd.exe would interpret; start the program that the script starts instead, or have it read this value from env", arg, r)
		}
	}
	return nil
}

// batchPath is batchArgument for the script itself, which is always within quotes.
func batchPath(path string) error {
	for _, r := range path {
		if r < ' ' || strings.ContainsRune("\"%!", r) {
			return fmt.Errorf("the path %q holds %q, which cmd.exe would interpret; rename it", path, r)
		}
	}
	return nil
}

// batchLine is the command line with which cmd.exe runs a script. /d: no AutoRun from the registry,
// /v:off: no delayed expansion; the outer quotes are what /s /c takes away.
func batchLine(cmd, path string, args []string) (string, error) {
	if err := batchPath(path); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `"%s" /d /e:on /v:off /s /c ""%s"`, cmd, path)
	for _, a := range args {
		if err := batchArgument(a); err != nil {
			return "", err
		}
		b.WriteByte(' ')
		if plainWord(a) {
			b.WriteString(a)
			continue
		}
		b.WriteByte('"')
		b.WriteString(a)
		// A program that gets the argument from the script would read \" as a quote.
		b.WriteString(strings.Repeat(`\`, len(a)-len(strings.TrimRight(a, `\`))))
		b.WriteByte('"')
	}
	b.WriteByte('"')
	return b.String(), nil
}

// plainWord needs no quotes.
func plainWord(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(`-_./\:+`, r) {
			return false
		}
	}
	return s != ""
}
