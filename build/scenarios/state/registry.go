package state

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
)

// AddRegistry takes down a file that `reg export` or `regedit /E` wrote
// (learn.microsoft.com/troubleshoot/windows-server/performance/add-modify-delete-registry-subkeys-values).
func (s State) AddRegistry(export []byte) error {
	text, err := exportText(export)
	if err != nil {
		return err
	}
	key, entry := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") && complete(entry):
			s.addValue(key, entry)
			key, entry = line[1:len(line)-1], ""
			s["key "+key] = there
		case (strings.HasPrefix(line, `"`) || strings.HasPrefix(line, "@=")) && complete(entry):
			s.addValue(key, entry)
			entry = line
		case key != "" && entry != "" && (line != "" || !complete(entry)):
			entry = continued(entry, line)
		}
	}
	s.addValue(key, entry)
	return nil
}

// exportText is the text of an export: UTF-16 with its mark, or the ANSI of version 4.
func exportText(export []byte) (string, error) {
	if len(export) < 2 || export[0] != 0xff || export[1] != 0xfe {
		if !strings.HasPrefix(string(export), "REGEDIT4") {
			return "", fmt.Errorf("registry export: %d bytes without the mark of UTF-16", len(export))
		}
		return string(export), nil
	}
	return wide(export[2:]), nil
}

func wide(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// complete tells whether an entry needs no further line: a text may have line breaks, and long
// binary values go on after a backslash.
func complete(entry string) bool {
	_, value, ok := cutName(entry)
	if !ok {
		return entry == ""
	}
	if strings.HasPrefix(value, `"`) {
		return len(value) > 1 && quoteAt(value[1:]) >= 0
	}
	return !strings.HasSuffix(value, `\`)
}

func continued(entry, line string) string {
	if _, value, ok := cutName(entry); ok && !strings.HasPrefix(value, `"`) {
		return strings.TrimSuffix(entry, `\`) + strings.TrimSpace(line)
	}
	return entry + "\n" + line
}

// cutName splits `"name"=value` and `@=value`.
func cutName(entry string) (name, value string, ok bool) {
	if value, ok := strings.CutPrefix(entry, "@="); ok {
		return "", value, true
	}
	if !strings.HasPrefix(entry, `"`) {
		return "", "", false
	}
	end := quoteAt(entry[1:])
	if end < 0 || !strings.HasPrefix(entry[end+2:], "=") {
		return "", "", false
	}
	return unescape(entry[1 : end+1]), entry[end+3:], true
}

// quoteAt is the place of the first quote that no backslash escapes.
func quoteAt(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func unescape(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text)
}

func (s State) addValue(key, entry string) {
	name, value, ok := cutName(entry)
	if !ok {
		return
	}
	s[fmt.Sprintf("registry %s %q", key, name)] = readable(value)
}

// readable makes texts of values that are texts; any other stays as it is exported.
func readable(value string) string {
	if strings.HasPrefix(value, `"`) {
		return unescape(strings.TrimSuffix(value[1:], `"`))
	}
	for _, kind := range []string{"hex(1):", "hex(2):", "hex(7):"} { // REG_SZ with line breaks, REG_EXPAND_SZ, REG_MULTI_SZ
		if digits, ok := strings.CutPrefix(value, kind); ok {
			if data, err := hex.DecodeString(strings.ReplaceAll(digits, ",", "")); err == nil {
				return strings.ReplaceAll(strings.TrimRight(wide(data), "\x00"), "\x00", "; ")
			}
		}
	}
	return value
}
