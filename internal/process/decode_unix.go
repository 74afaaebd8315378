//go:build !windows

package process

import (
	"cmp"
	"os"
	"strings"
)

// systemEncoding is the encoding of the locale, for both: Unix has no code pages.
func systemEncoding() systemEncodings {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	enc := encodingOf(localeCharset(locale))
	return systemEncodings{oem: enc, ansi: enc}
}

// localeCharset is the part of a locale's name that says how text is encoded: gbk of zh_CN.GBK@x.
func localeCharset(locale string) string {
	locale, _, _ = strings.Cut(locale, "@")
	_, name, _ := strings.Cut(locale, ".")
	return strings.ToLower(name)
}
