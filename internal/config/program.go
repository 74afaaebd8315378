package config

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// headSize is how much of a program's file is looked at: the headers of both systems lie in it.
const headSize = 4096

// programFile is what a file says about whether it can be started, on which system.
type programFile struct {
	path string
	head []byte
	// goos and goarch are the machine's.
	goos, goarch string
	// found tells whether an interpreter is there.
	found func(path string) bool
}

// look reads what programFile needs; false when the file cannot be read, which only a start shows:
// a program may be executable and not readable.
func look(path string) (programFile, bool) {
	// A device is not even opened, which may do something; a pipe that took its place keeps nobody waiting.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return programFile{}, false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the program that the configuration names
	if err != nil {
		return programFile{}, false
	}
	defer f.Close() //nolint:errcheck // only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return programFile{}, false
	}
	head, err := io.ReadAll(io.LimitReader(f, headSize))
	if err != nil {
		return programFile{}, false
	}
	return programFile{path, head, runtime.GOOS, runtime.GOARCH, func(path string) bool {
		_, err := os.Stat(path)
		return !errors.Is(err, fs.ErrNotExist)
	}}, true
}

// fault says why the file cannot be started as it is, and what to write instead; empty when nothing
// speaks against it.
func (p programFile) fault() (message, hint string) {
	switch {
	case bytes.HasPrefix(p.head, []byte(elf.ELFMAG)):
		return p.elf()
	case bytes.HasPrefix(p.head, []byte("MZ")):
		return p.pe()
	case bytes.HasPrefix(p.head, []byte("#!")) && p.goos != "windows":
		return p.shebang()
	}
	if words := p.interpreter(); words != "" {
		return "is not a program but needs one to run it", "write command: [" + words + ", ...]"
	}
	switch {
	case p.goos == "windows" && (isBatch(p.path) || strings.EqualFold(filepath.Ext(p.path), ".com")):
		return "", ""
	case isBatch(p.path):
		return "is a batch file of Windows", "write a shell script, or name the program that it starts"
	case len(p.head) == 0:
		return "is empty", "install the program again"
	case p.goos == "windows":
		return "is not a program of Windows", "name an .exe, or put the interpreter before it: [PROGRAM, " + quotedPath(p.path) + "]"
	default:
		return "is a script that does not name its interpreter", "begin it with a line such as #!/bin/sh, or put the interpreter before it: [sh, " + quotedPath(p.path) + "]"
	}
}

// elf checks the processor: a file for the 32-bit sibling starts too.
func (p programFile) elf() (message, hint string) {
	if p.goos == "windows" {
		return "is a program of Linux", "install the build for Windows"
	}
	if len(p.head) < 20 {
		return "is damaged", "install the program again"
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if p.head[elf.EI_DATA] == byte(elf.ELFDATA2MSB) {
		order = binary.BigEndian
	}
	built := elf.Machine(order.Uint16(p.head[18:]))
	fits := map[string][]elf.Machine{
		"amd64": {elf.EM_X86_64, elf.EM_386},
		"arm64": {elf.EM_AARCH64, elf.EM_ARM},
		"386":   {elf.EM_386},
		"arm":   {elf.EM_ARM},
	}[p.goarch]
	if fits == nil || slices.Contains(fits, built) {
		return "", ""
	}
	return fmt.Sprintf("is built for %s, and this machine is %s", processor(built), p.goarch), "install the build for this machine"
}

func processor(m elf.Machine) string {
	switch m { //nolint:exhaustive // the others have a name of their own
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_386:
		return "386"
	default:
		return strings.ToLower(strings.TrimPrefix(m.String(), "EM_"))
	}
}

// The machines of a PE file (learn.microsoft.com/windows/win32/debug/pe-format).
const (
	peAMD64 = 0x8664
	peARM64 = 0xaa64
	pe386   = 0x14c
)

// pe checks the processor: Windows on ARM runs everything, the others their 32-bit sibling. A library
// of .NET is one, too.
func (p programFile) pe() (message, hint string) {
	if strings.EqualFold(filepath.Ext(p.path), ".dll") {
		return "is a library", "write command: [dotnet, " + quotedPath(p.path) + ", ...]"
	}
	if p.goos != "windows" {
		return "is a program of Windows", "install the build for this machine"
	}
	const offsetAt = 0x3c
	if len(p.head) < offsetAt+4 {
		return "is damaged", "install the program again"
	}
	at := uint64(binary.LittleEndian.Uint32(p.head[offsetAt:]))
	if at+6 > uint64(len(p.head)) || string(p.head[at:at+4]) != "PE\x00\x00" {
		return "", "" // a header further away than we look
	}
	built := binary.LittleEndian.Uint16(p.head[at+4:])
	if p.goarch == "amd64" && built == peARM64 || p.goarch == "386" && (built == peARM64 || built == peAMD64) {
		name := map[uint16]string{peARM64: "arm64", peAMD64: "amd64", pe386: "386"}[built]
		return fmt.Sprintf("is built for %s, and this machine is %s", name, p.goarch), "install the build for this machine"
	}
	return "", ""
}

// shebang checks a script's first line.
func (p programFile) shebang() (message, hint string) {
	line, _, _ := bytes.Cut(p.head[2:], []byte("\n"))
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
	switch {
	case bytes.HasSuffix(line, []byte("\r")):
		return "ends its first line as Windows does, so that its interpreter is not found", "convert it: sed -i 's/\\r$//' " + quotedPath(p.path)
	case len(words) == 0:
		return "names no interpreter in its first line", "write one, such as #!/bin/sh"
	case !p.found(words[0]):
		return fmt.Sprintf("names the interpreter %s in its first line, which is not there", words[0]), "install it, or correct the line"
	}
	return "", ""
}

// interpreter is what runs a file of this kind, as the beginning of a command; empty for others.
func (p programFile) interpreter() string {
	windows := p.goos == "windows"
	words := map[string]string{
		".js": "node", ".mjs": "node", ".cjs": "node", ".jar": "java, -jar", ".rb": "ruby", ".php": "php",
		".pl": "perl", ".dll": "dotnet", ".py": "python3", ".sh": "sh", ".ps1": "pwsh, -File",
	}[strings.ToLower(filepath.Ext(p.path))]
	switch {
	case windows && words == "python3":
		words = "python"
	case windows && words == "sh":
		words = `'C:\Program Files\Git\bin\sh.exe'`
	case windows && strings.HasPrefix(words, "pwsh"):
		words = "powershell, -NoProfile, -File"
	}
	if words == "" {
		return ""
	}
	return words + ", " + quotedPath(p.path)
}

// quotedPath is a path as an entry of a YAML list.
func quotedPath(path string) string {
	if strings.ContainsAny(path, " \\,[]{}'\"#:&*!|>%@`") {
		return "'" + strings.ReplaceAll(path, "'", "''") + "'"
	}
	return path
}

func isBatch(path string) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".bat" || extension == ".cmd"
}

// batchArgument is the number of the first argument that cmd.exe would interpret when it runs a batch file, which no
// quoting prevents (CVE-2024-24576).
func batchArgument(args []string) (number int, bad bool) {
	for i, arg := range args {
		if strings.ContainsAny(placeholderless(arg), "\"%!^&|<>()`") {
			return i + 1, true
		}
	}
	return 0, false
}

// placeholderless is arg without what is replaced by a name or a number.
func placeholderless(arg string) string {
	return strings.NewReplacer("${port}", "", "${app}", "", "${instance}", "").Replace(arg)
}
