package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// encoding is base64url without padding, and without a second spelling of the same bytes.
var encoding = base64.RawURLEncoding.Strict() //nolint:gochecknoglobals // it never changes, and making it copies its table

// maxNesting bounds how deep the JSON of a token goes.
const maxNesting = 16

// Claims are what a token says.
type Claims struct {
	issuer, subject            string
	audience, scopes           []string
	expires, notBefore, issued time.Time
	all                        map[string]any
}

// Subject is sub, empty when there is none.
func (c *Claims) Subject() string { return c.subject }

// Value is a claim as text: texts, numbers and truth values as they are, lists of texts with commas
// between. False when there is none, or it is none that a header field could carry.
func (c *Claims) Value(name string) (string, bool) {
	switch v := c.all[name].(type) {
	case string:
		return v, printable(v)
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case []any:
		words, ok := texts(v)
		for _, w := range words {
			ok = ok && printable(w) && !strings.Contains(w, ",")
		}
		return strings.Join(words, ","), ok && len(words) > 0
	default:
		return "", false
	}
}

// printable reports whether a text can stand in a header field without changing on its way.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return false
		}
	}
	return s != "" && s == strings.TrimSpace(s) && utf8.ValidString(s)
}

// readClaims reads a token's payload.
func readClaims(payload []byte) (*Claims, error) {
	fields, err := object(payload)
	if err != nil {
		return nil, bad("The token's claims are not readable.")
	}
	c := &Claims{all: fields}
	good := true
	read := func(name string) string {
		v, ok := text(fields, name)
		good = good && ok
		return v
	}
	date := func(name string) time.Time {
		v, ok := numericDate(fields[name])
		good = good && ok
		return v
	}
	c.issuer, c.subject = read("iss"), read("sub")
	c.expires, c.notBefore, c.issued = date("exp"), date("nbf"), date("iat")
	switch v := fields["aud"].(type) {
	case string:
		c.audience = []string{v}
	case []any:
		words, ok := texts(v)
		c.audience, good = words, good && ok
	case nil:
	default:
		good = false
	}
	c.scopes = strings.Fields(read("scope"))
	switch v := fields["scp"].(type) {
	case string:
		c.scopes = append(c.scopes, strings.Fields(v)...)
	case []any:
		words, ok := texts(v)
		c.scopes, good = append(c.scopes, words...), good && ok
	case nil:
	default:
		good = false
	}
	if !good {
		return nil, bad("The token's claims are not of the right kind.")
	}
	return c, nil
}

// numericDate is seconds since 1970 (RFC 7519, 2), the zero time when v is nil.
func numericDate(v any) (time.Time, bool) {
	if v == nil {
		return time.Time{}, true
	}
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	// Until the year 9999: beyond it arithmetic with time begins to overflow.
	if err != nil || math.IsNaN(f) || f <= 0 || f > 253402300799 {
		return time.Time{}, false
	}
	seconds, part := math.Modf(f)
	return time.Unix(int64(seconds), int64(part*1e9)), true
}

// text is a field that is a text or not there.
func text(fields map[string]any, name string) (string, bool) {
	v, there := fields[name]
	s, ok := v.(string)
	return s, ok || !there
}

func texts(list []any) ([]string, bool) {
	out := make([]string, 0, len(list))
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

var errNotAnObject = errors.New("not one JSON object, or a name in it twice")

// object reads one JSON object. A name that comes twice is an error at any depth: two readers of the
// same token must not see different things in it.
func object(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errNotAnObject
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, errNotAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotAnObject
	}
	return fields, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	switch {
	case !ok:
		return token, nil
	case depth == maxNesting:
		return nil, errNotAnObject
	case delim == '[':
		list := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case delim == '{':
		fields := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, ok := name.(string)
			if _, twice := fields[key]; twice || !ok {
				return nil, errNotAnObject
			}
			if fields[key], err = value(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return fields, err
	default:
		return nil, errNotAnObject
	}
}
