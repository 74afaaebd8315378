package assets

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// RTF writes plain text as an RTF file that flows with the width of its window: what stands between
// two empty lines becomes one paragraph, indented as its first line is, and lines that begin far to
// the right are centred. The file is ASCII and holds no "[", which Windows Installer could take for a
// property.
func RTF(text string) []byte {
	var b bytes.Buffer
	b.WriteString(`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Segoe UI;}}\viewkind4\uc1\f0\fs16` + "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\t", "    ")
	for part := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(strings.Trim(part, "\n"), "\n")
		depth := indent(lines[0])
		if strings.TrimSpace(lines[0]) == "" {
			continue
		}
		style := fmt.Sprintf(`\li%d`, depth*twipsPerSpace)
		between := " "
		if depth >= centred {
			style, between = `\qc`, `\line `
		}
		for i, line := range lines {
			lines[i] = escape(strings.TrimSpace(line))
		}
		fmt.Fprintf(&b, "\\pard%s\\sa120 %s\\par\n", style, strings.Join(lines, between))
	}
	b.WriteString("}\n")
	return b.Bytes()
}

const (
	// centred is the indentation, in spaces, from which a line is a heading in the middle.
	centred = 16
	// twipsPerSpace is how far a space of indentation moves a paragraph; a twip is 1/1440 inch.
	twipsPerSpace = 40
)

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// escape writes text so that RTF reads it as text.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\' || r == '{' || r == '}':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '[' || r == ']':
			fmt.Fprintf(&b, `\'%02x`, r)
		case r < 0x80:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%d?`, int16(unit)) //nolint:gosec // RTF's numbers are signed (\uN)
			}
		}
	}
	return b.String()
}
