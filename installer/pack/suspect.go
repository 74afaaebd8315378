package pack

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"strings"
)

// Machine is what a program's file was built for.
type Machine string

// The machines that are told apart; "" is a file that is no program.
const (
	machineX86   Machine = "windows/386"
	machineX64   Machine = "windows/amd64"
	machineARM64 Machine = "windows/arm64"
	machineOther Machine = "another Windows"
	machineELF   Machine = "Linux"
	machineMac   Machine = "macOS"
)

// Windows tells whether Windows could run it.
func (m Machine) Windows() bool { return m != "" && m != machineELF && m != machineMac }

// headSize is how much of a file is looked at.
const headSize = 64 << 10

// machineOf reads the beginning of a file: the PE header
// (learn.microsoft.com/windows/win32/debug/pe-format), or another system's magic number.
func machineOf(head []byte) Machine {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return machineELF
	case bytes.HasPrefix(head, []byte("\xcf\xfa\xed\xfe")), bytes.HasPrefix(head, []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02")):
		return machineMac
	case !bytes.HasPrefix(head, []byte("MZ")) || len(head) < 64:
		return ""
	}
	at := int64(binary.LittleEndian.Uint32(head[60:]))
	if at+6 > int64(len(head)) || string(head[at:at+4]) != "PE\x00\x00" {
		return ""
	}
	switch binary.LittleEndian.Uint16(head[at+4:]) {
	case 0x14c:
		return machineX86
	case 0x8664:
		return machineX64
	case 0xaa64:
		return machineARM64
	default:
		return machineOther
	}
}

// readHead is the beginning of r, at most headSize bytes.
func readHead(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, headSize)) }

// secretOf tells what a file with this name, in lower case, holds that should stay secret; "" when
// the name says nothing of the kind.
func secretOf(lower string) string {
	for _, s := range []struct{ what, patterns string }{
		{"environment with secrets", ".env .env.*"},
		{"private key of SSH", "id_rsa id_dsa id_ecdsa id_ed25519 *.ppk"},
		{"certificate with its private key", "*.pfx *.p12"},
		{"store of keys", "*.jks *.keystore"},
		{"passwords", "*.kdbx .netrc _netrc .pypirc .pgpass .htpasswd .git-credentials"},
		{"state of Terraform, which holds secrets", "*.tfstate *.tfvars"},
	} {
		for pattern := range strings.FieldsSeq(s.patterns) {
			if ok, _ := path.Match(pattern, lower); ok {
				return s.what
			}
		}
	}
	return ""
}

// suspect tells why a file should perhaps not be on every machine; "" when nothing speaks against it.
func suspect(name string, head []byte) string {
	lower := strings.ToLower(path.Base(name))
	for _, sample := range []string{".example", ".sample", ".template", ".dist"} {
		if strings.HasSuffix(lower, sample) {
			return ""
		}
	}
	if what := secretOf(lower); what != "" {
		return what
	}
	switch {
	case privateKey(head):
		return "private key"
	case lower == ".npmrc" && bytes.Contains(head, []byte("_auth")):
		return "password of a registry"
	case strings.HasSuffix(lower, ".json") && bytes.Contains(head, []byte(`"private_key"`)):
		return "account with its private key"
	case strings.HasSuffix(lower, ".msi"):
		return "package inside a package; is it an older result of pack?"
	}
	return ""
}

// privateKey tells a PEM file with a private key. A key within a program's text, as tests have it, is
// no such file.
func privateKey(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("-----BEGIN ")) && bytes.HasSuffix(line, []byte("PRIVATE KEY-----")) {
			return true
		}
	}
	return false
}

// history are folders of version control, and what they would put on every machine.
func history(folder string) bool {
	switch strings.ToLower(folder) {
	case ".git", ".hg", ".svn", ".bzr":
		return true
	default:
		return false
	}
}
