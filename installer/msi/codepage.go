package msi

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// UTF8 is the code page that has every letter.
const UTF8 = 65001

// Encode turns a text into the bytes of a code page; a character that it has not is an error. Code
// page 0 is neutral: only what is the same in all of them
// (learn.microsoft.com/windows/win32/msi/code-page-handling-of-imported-and-exported-tables).
func Encode(codepage int, text string) ([]byte, error) {
	if neutral(text) || codepage == UTF8 && utf8.ValidString(text) {
		return []byte(text), nil
	}
	set, err := encodingOf(codepage)
	if err != nil {
		return nil, err
	}
	b, err := set.NewEncoder().Bytes([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%q has a character that code page %d has not; use 65001", text, codepage)
	}
	return b, nil
}

// decode turns bytes of a code page into a text.
func decode(codepage int, b []byte) (string, error) {
	if neutral(b) || codepage == UTF8 && utf8.Valid(b) {
		return string(b), nil
	}
	set, err := encodingOf(codepage)
	if err != nil {
		return "", err
	}
	out, err := set.NewDecoder().String(string(b))
	if err != nil || strings.ContainsRune(out, utf8.RuneError) {
		return "", fmt.Errorf("%q is not text of code page %d", b, codepage)
	}
	return out, nil
}

func encodingOf(codepage int) (encoding.Encoding, error) {
	switch codepage {
	case 1252: // Western European
		return charmap.Windows1252, nil
	case 936: // simplified Chinese
		return simplifiedchinese.GBK, nil
	default:
		return nil, fmt.Errorf("code page %d: only 1252, 936 and 65001 (UTF-8) can hold letters beyond ASCII here", codepage)
	}
}

// neutral tells whether a text is the same in every code page.
func neutral[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
