package process

import (
	"golang.org/x/sys/windows"
	"golang.org/x/text/encoding"
)

// systemEncoding are the machine's OEM and ANSI code pages: learn.microsoft.com/windows/win32/intl/code-pages.
func systemEncoding() systemEncodings {
	kernel := windows.NewLazySystemDLL("kernel32.dll")
	page := func(name string) encoding.Encoding {
		n, _, _ := kernel.NewProc(name).Call()
		if enc, ok := codePage(uint32(n)); ok { //nolint:gosec // a code page has at most five digits
			return enc
		}
		return systemTable(uint32(n)) //nolint:gosec // as above
	}
	return systemEncodings{oem: page("GetOEMCP"), ansi: page("GetACP")}
}

// systemTable asks the system what each byte of a code page is; nil when it does not say, or when the
// page has characters of more than one byte.
func systemTable(page uint32) encoding.Encoding {
	var table singleByte
	for b := range table {
		src, dst := [1]byte{byte(b)}, [2]uint16{}
		n, err := windows.MultiByteToWideChar(page, 0, &src[0], 1, &dst[0], int32(len(dst)))
		if err != nil || n != 1 {
			return nil
		}
		table[b] = rune(dst[0])
	}
	return &table
}
