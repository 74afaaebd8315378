package migrate

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// secretName is what people call variables and flags that hold a secret.
	secretName = regexp.MustCompile(`(?i)(passw(or)?d|pwd|secret|token|api_?-?key|access_?-?key|private_?-?key|credential|connection_?string|_dsn$|^dsn$|auth_?key|signing_?key|encryption_?key)`)
	// secretValue is a URL or a connection string with a password in it.
	secretValue = regexp.MustCompile(`(?i)(://[^/\s:@]+:[^/\s@]+@|(^|;)\s*(password|pwd)\s*=)`)
)

// secrets tells what looks like one. It is carried over, because the program needs it, and never shown
// in a note.
func (r *reader) secrets(a *app) {
	for _, v := range a.env {
		value := v.value.Reveal()
		if strings.Trim(value, "0123456789") == "" || !plain(value) || !secretName.MatchString(v.name) && !secretValue.MatchString(value) {
			continue
		}
		r.look(a, "environment", v.name, "it looks like a secret, and now stands in the configuration as it stood before",
			fmt.Sprintf(`put its value into a file that only Holdfast's account may read, and write %s: "${file:PATH}" (or "${env:NAME}" for a variable of Holdfast's own)`, final(v.name)))
	}
	for i, arg := range a.command {
		flag, value, joined := strings.Cut(arg, "=")
		if i > 0 && joined {
			if strings.HasPrefix(flag, "-") && value != "" && plain(value) && secretName.MatchString(flag) {
				r.secretArgument(a, flag)
			}
			continue
		}
		if i > 0 && secretValue.MatchString(arg) {
			r.secretArgument(a, fmt.Sprintf("argument %d", i))
		}
		if i > 0 && strings.HasPrefix(arg, "--") && secretName.MatchString(arg) && i+1 < len(a.command) && !strings.HasPrefix(a.command[i+1], "-") {
			r.secretArgument(a, arg)
		}
	}
}

func (r *reader) secretArgument(a *app, which string) {
	r.look(a, "command", which, "it looks like a secret, and everybody on the machine may see the arguments of a process",
		"let the program read it from a variable or a file, if it can")
}
