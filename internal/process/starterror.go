package process

import (
	"fmt"
	"path/filepath"
	"strings"
)

// interpreted is how a file is run that is no program itself, as a command's list; windows says for
// which system. A file of another kind gets the commonest one.
func interpreted(path string, windows bool) string {
	words, known := map[string]string{
		".js": "node", ".mjs": "node", ".cjs": "node", ".jar": "java, -jar", ".dll": "dotnet", ".rb": "ruby",
		".php": "php", ".pl": "perl", ".sh": "sh", ".ps1": "pwsh, -File",
	}[strings.ToLower(filepath.Ext(path))]
	switch {
	case !known && windows:
		words = "python"
	case !known:
		words = "python3"
	case windows && words == "pwsh, -File":
		words = "powershell, -NoProfile, -File"
	}
	return "command: [" + words + ", " + filepath.Base(path) + "]"
}

// tooLong says what of a start is too long: one text that is above most by itself, or everything
// together. It names variables and never shows what they hold.
func tooLong(s Spec, most int) string {
	for _, kv := range s.Env {
		if len(kv) >= most {
			name, _, _ := strings.Cut(kv[min(1, len(kv)):], "=")
			return fmt.Sprintf("env %s has %d characters, and this system allows %d; have the program read it from a file", kv[:min(1, len(kv))]+name, len(kv), most)
		}
	}
	for i, arg := range s.Command {
		if len(arg) >= most {
			return fmt.Sprintf("argument %d of command has %d characters, and this system allows %d; have the program read it from a file", i, len(arg), most)
		}
	}
	return ""
}

// wholeLine is the cure for a command line that was written as one entry, empty for a program's name.
func wholeLine(name string) string {
	words := strings.Fields(name)
	if len(words) < 2 {
		return ""
	}
	return "every argument is an entry of its own: [" + strings.Join(words, ", ") + "]"
}
