package gateway

import "strings"

// coding is a content coding (RFC 9110, 8.4.1).
type coding uint8

const (
	noCoding coding = iota
	gzipCoding
	brotliCoding
	zstdCoding
	codings // how many there are
)

func (c coding) String() string {
	return [codings]string{"identity", "gzip", "br", "zstd"}[c]
}

// suffix is what a file's name ends in that has the coding.
func (c coding) suffix() string {
	return [codings]string{"", ".gz", ".br", ".zst"}[c]
}

func codingOf(name string) (coding, bool) {
	switch strings.ToLower(name) {
	case "identity":
		return noCoding, true
	case "gzip", "x-gzip": // RFC 9110, 8.4.1.3
		return gzipCoding, true
	case "br":
		return brotliCoding, true
	case "zstd":
		return zstdCoding, true
	default:
		return 0, false
	}
}

// acceptance is how much a client wants each coding, in thousandths; unsaid where it does not say.
type acceptance [codings]int16

const unsaid = -1

// readAcceptance reads Accept-Encoding (RFC 9110, 12.5.3). A member that is not well formed counts as
// not there, and of several for one coding the least counts: what is not compressed can always be read.
func readAcceptance(values []string) acceptance {
	a := acceptance{unsaid, unsaid, unsaid, unsaid}
	rest := int16(unsaid) // what "*" says of the others
	for _, value := range values {
		for len(value) > 0 {
			var member string
			member, value, _ = strings.Cut(value, ",")
			name, parameter, has := strings.Cut(member, ";")
			name = strings.Trim(name, " \t")
			q := int16(1000)
			if has {
				var ok bool
				if q, ok = readWeight(parameter); !ok {
					continue
				}
			}
			said := &rest
			if name != "*" {
				c, ok := codingOf(name)
				if !ok {
					continue
				}
				said = &a[c]
			}
			if *said == unsaid || q < *said {
				*said = q
			}
		}
	}
	for c := range a {
		if a[c] == unsaid && (rest != unsaid || coding(c) != noCoding) {
			a[c] = max(rest, 0)
		}
	}
	return a
}

// readWeight reads "q=0.123" (RFC 9110, 12.4.2) as thousandths.
func readWeight(s string) (int16, bool) {
	s = strings.Trim(s, " \t")
	if len(s) < 3 || (s[0] != 'q' && s[0] != 'Q') || s[1] != '=' {
		return 0, false
	}
	whole, digits := s[2], s[3:]
	if digits != "" {
		if digits[0] != '.' || len(digits) > 4 {
			return 0, false
		}
		digits = digits[1:]
	}
	if whole != '0' && whole != '1' {
		return 0, false
	}
	q := int16(whole-'0') * 1000
	for i, unit := 0, int16(100); i < len(digits); i, unit = i+1, unit/10 {
		d := digits[i]
		if d < '0' || d > '9' || (whole == '1' && d != '0') {
			return 0, false
		}
		q += int16(d-'0') * unit
	}
	return q, true
}

// best is the coding that the client wants most of offered, which are in our own order; identity when
// it wants that more. Where nothing is acceptable the answer is identity all the same: the client can
// do more with it than with a 406.
func (a acceptance) best(offered []coding) coding {
	found, most := noCoding, max(a[noCoding], 0)
	for _, c := range offered {
		if q := a[c]; q > most || (q > 0 && q == most && found == noCoding) {
			found, most = c, q
		}
	}
	return found
}
