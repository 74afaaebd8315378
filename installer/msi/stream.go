package msi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// inside parts the path of a package from the name of a stream in it, in a Data of a package that was
// read: "/out/holdfast.msi::Binary.HfSetup".
const inside = "::"

// Open is the content of a stream: of a file, or, in a package that was read, of a stream inside of it.
// The caller closes it.
func (d Data) Open(ctx context.Context) (io.ReadCloser, error) {
	f, err := os.Open(string(d))
	file, stream, ok := cutLast(string(d), inside)
	if err == nil || !ok {
		return f, err
	}
	var out bytes.Buffer
	if err := tool(ctx, "", &out, msiinfo, "extract", file, stream); err != nil {
		return nil, err
	}
	return io.NopCloser(&out), nil
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// hash is the size and the SHA-256 of a stream.
func (d Data) hash(ctx context.Context) (string, error) {
	r, err := d.Open(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	return hashOf(r)
}

func hashOf(r io.Reader) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, sha256 %s", n, hex.EncodeToString(h.Sum(nil))), nil
}
