//go:build !windows

package process

import "testing"

func TestLocaleCharset(t *testing.T) {
	for locale, want := range map[string]string{
		"zh_CN.GBK": "gbk", "de_DE.ISO-8859-15@euro": "iso-8859-15", "C.UTF-8": "utf-8", "C": "", "": "", "POSIX": "",
	} {
		if got := localeCharset(locale); got != want {
			t.Errorf("%q: %q, want %q", locale, got, want)
		}
	}
	t.Setenv("LC_ALL", "zh_CN.GB2312")
	if sys := systemEncoding(); sys.oem == nil || sys.ansi == nil {
		t.Error("GB2312 is not known")
	}
	for _, locale := range []string{"ja_JP.eucJP", "ru_RU.KOI8-R", "de_DE.ISO-8859-15@euro", "zh_TW.Big5", "ko_KR.eucKR", "zh_CN.EUC-CN", "ja_JP.SJIS", "el_GR.ISO8859-7"} {
		t.Setenv("LC_ALL", locale)
		if sys := systemEncoding(); sys.oem == nil {
			t.Errorf("%s is not known", locale)
		}
	}
	t.Setenv("LC_ALL", "C.UTF-8")
	if sys := systemEncoding(); sys.oem != nil {
		t.Error("UTF-8 has a fallback")
	}
}
