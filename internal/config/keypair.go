package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KeyPair reads a certificate with its intermediates and the key of the first one, both PEM; they may be
// in one text. A byte order mark before them, which editors on Windows write, does not count. The errors
// say which of the two is wrong, and how it is made right.
func KeyPair(chain, key []byte) (tls.Certificate, error) {
	chain, key = withoutMark(chain), withoutMark(key)
	pair, err := tls.X509KeyPair(chain, key)
	if err == nil {
		return pair, nil
	}
	certificates, keys := blocks(chain), blocks(key)
	switch {
	case certificates == nil:
		return pair, fmt.Errorf("the certificate's file %s", instead(chain))
	case keys == nil:
		return pair, fmt.Errorf("the key's file %s", instead(key))
	case hasPassword(keys):
		return pair, errors.New("the key has a password: write it without one (openssl pkey -in KEY -out NEW)")
	}
	if place := belongsTo(certificates, key); place > 1 {
		return pair, fmt.Errorf("the key belongs to the certificate that stands at place %d of its file: put that one first, then its intermediates", place)
	}
	return pair, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
}

func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

// blocks are those of a PEM text.
func blocks(data []byte) []*pem.Block {
	var all []*pem.Block
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		all = append(all, block)
	}
}

// instead is what a file is that holds no PEM block.
func instead(data []byte) string {
	switch {
	case len(data) == 0:
		return "is empty"
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "is UTF-16 text: save it as UTF-8"
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return "is cut off or damaged: it has the beginning of a PEM block that does not end well"
	case data[0] != 0x30: // what every certificate and key in DER form begins with
		return "is not PEM: it has no line -----BEGIN ...-----"
	}
	if _, err := x509.ParseCertificate(data); err == nil {
		return "is in DER form: turn it into PEM (openssl x509 -in FILE -out NEW)"
	}
	return "is in binary form (DER or PKCS #12, such as .pfx): turn it into PEM (openssl pkey -in FILE, or openssl pkcs12 -in FILE -nodes)"
}

func hasPassword(all []*pem.Block) bool {
	for _, b := range all {
		if strings.HasSuffix(b.Type, "PRIVATE KEY") {
			return b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
		}
	}
	return false
}

// belongsTo is the place among the certificates, from 1 on, of the one that the key is for; 0 for none.
func belongsTo(all []*pem.Block, key []byte) int {
	place := 0
	for _, b := range all {
		if b.Type != "CERTIFICATE" {
			continue
		}
		place++
		if _, err := tls.X509KeyPair(pem.EncodeToMemory(b), key); err == nil {
			return place
		}
	}
	return 0
}

// PairFiles are the files of a certificate and its key.
type PairFiles struct{ Certificate, Key string }

// maxPairs bounds the pairs of a folder.
const maxPairs = 1000

// FolderPairs are the pairs NAME.crt or NAME.pem with NAME.key of a folder, in the order of their names.
// Other files are none of our business: a certificate without a key may be an authority's, or its key not
// there yet.
func FolderPairs(dir string) ([]PairFiles, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(list))
	for _, e := range list {
		have[e.Name()] = true
	}
	var all []PairFiles
	for _, e := range list {
		ext := filepath.Ext(e.Name())
		name := strings.TrimSuffix(e.Name(), ext)
		if ext != ".crt" && ext != ".pem" || !have[name+".key"] || strings.HasPrefix(name, ".") {
			continue
		}
		if ext == ".pem" && have[name+".crt"] {
			continue // the same pair, or its authorities
		}
		if len(all) == maxPairs {
			return nil, fmt.Errorf("%s: more than %d pairs; spread them over several certificates", dir, maxPairs)
		}
		all = append(all, PairFiles{filepath.Join(dir, e.Name()), filepath.Join(dir, name+".key")})
	}
	return all, nil
}
