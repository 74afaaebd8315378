package msi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tc-hib/winres"
)

// fileVersion is the version and the languages of an executable as MsiGetFileVersion gives them:
// "1.2.3.0" and "1033"; both are empty for a file without VERSIONINFO. Windows Installer replaces a
// file only by one with a higher version.
func fileVersion(file io.ReadSeeker) (version, languages string, err error) {
	if !executable(file) {
		return "", "", nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", "", err
	}
	resources, err := winres.LoadFromEXESingleType(file, winres.RT_VERSION)
	if err != nil { // damaged: Windows finds no version there either
		return "", "", nil //nolint:nilerr // see above
	}
	var info []byte
	best := -1
	resources.WalkType(winres.RT_VERSION, func(_ winres.Identifier, language uint16, data []byte) bool {
		preferred := map[uint16]int{winres.LCIDNeutral: 2, winres.LCIDDefault: 1}[language] // as FindResource does
		if preferred > best {
			info, best = data, preferred
		}
		return true
	})
	if info == nil {
		return "", "", nil
	}
	return versionInfo(info)
}

// executable tells whether a file begins like an executable of 32 or 64 bits
// (learn.microsoft.com/windows/win32/debug/pe-format).
func executable(file io.ReadSeeker) bool {
	read := func(at int64, length int) []byte {
		b := make([]byte, length)
		if _, err := file.Seek(at, io.SeekStart); err != nil {
			return nil
		}
		if _, err := io.ReadFull(file, b); err != nil {
			return nil
		}
		return b
	}
	const toHeader = 0x3c // where the offset of the second header is
	dos := read(0, toHeader+4)
	if !bytes.HasPrefix(dos, []byte("MZ")) {
		return false
	}
	header := read(int64(binary.LittleEndian.Uint32(dos[toHeader:])), 24)
	return bytes.HasPrefix(header, []byte("PE\x00\x00")) && binary.LittleEndian.Uint16(header[20:]) > 0 // an optional header
}

// versionInfo reads a VS_VERSIONINFO
// (learn.microsoft.com/windows/win32/menurc/vs-versioninfo).
func versionInfo(data []byte) (version, languages string, err error) {
	root, _, err := versionNode(data)
	if err != nil {
		return "", "", err
	}
	const signature = 0xFEEF04BD // of VS_FIXEDFILEINFO
	if root.key != "VS_VERSION_INFO" || len(root.value) < 16 || binary.LittleEndian.Uint32(root.value) != signature {
		return "", "", errors.New("its VERSIONINFO is damaged")
	}
	high, low := binary.LittleEndian.Uint32(root.value[8:]), binary.LittleEndian.Uint32(root.value[12:])
	version = fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xFFFF, low>>16, low&0xFFFF)
	for rest := root.children; len(rest) > 0; {
		var child node
		if child, rest, err = versionNode(rest); err != nil {
			return "", "", err
		}
		if child.key != "VarFileInfo" {
			continue
		}
		translation, _, err := versionNode(child.children)
		if err != nil {
			return "", "", err
		}
		var all []string
		for v := translation.value; len(v) >= 4; v = v[4:] { // language, code page
			all = append(all, strconv.Itoa(int(binary.LittleEndian.Uint16(v))))
		}
		languages = strings.Join(all, ",")
	}
	return version, languages, nil
}

// node is a block of a VS_VERSIONINFO: a name, a value, and blocks inside.
type node struct {
	key             string
	value, children []byte
}

// versionNode reads the first block and gives what comes after it. Blocks, values and children begin at
// multiples of four.
func versionNode(data []byte) (n node, rest []byte, err error) {
	damaged := errors.New("its VERSIONINFO is damaged")
	const header = 6 // length, length of the value, whether that is text
	if len(data) < header {
		return n, nil, damaged
	}
	length, valueLength := int(binary.LittleEndian.Uint16(data)), int(binary.LittleEndian.Uint16(data[2:]))
	if binary.LittleEndian.Uint16(data[4:]) == 1 {
		valueLength *= 2 // of text it is counted in characters
	}
	if length < header || length > len(data) {
		return n, nil, damaged
	}
	block := data[:length]
	var key []uint16
	at := header
	for ; ; at += 2 {
		if at+2 > length {
			return n, nil, damaged
		}
		if c := binary.LittleEndian.Uint16(block[at:]); c != 0 {
			key = append(key, c)
			continue
		}
		break
	}
	at = min(align(at+2), length)
	end := min(at+valueLength, length)
	n = node{string(utf16.Decode(key)), block[at:end], block[min(align(end), length):]}
	return n, data[min(align(length), len(data)):], nil
}

func align(n int) int { return (n + 3) &^ 3 }
