package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/sys/windows"

	"holdfast/internal/config"
)

// openStore is a Windows certificate store: learn.microsoft.com/windows/win32/api/wincrypt.
type openStore struct {
	handle   windows.Handle
	contexts []*windows.CertContext
	parsed   []stored
}

func openSystemStore(c config.WindowsStore) (systemStore, error) {
	location := uint32(windows.CERT_SYSTEM_STORE_LOCAL_MACHINE)
	if c.Location == config.CurrentUser {
		location = windows.CERT_SYSTEM_STORE_CURRENT_USER
	}
	name, err := windows.UTF16PtrFromString(c.Store)
	if err != nil {
		return nil, err
	}
	h, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0,
		location|windows.CERT_STORE_READONLY_FLAG|windows.CERT_STORE_OPEN_EXISTING_FLAG, uintptr(unsafe.Pointer(name))) //nolint:gosec // the call's form
	runtime.KeepAlive(name)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return &openStore{handle: h}, nil
}

func (s *openStore) close() {
	for _, c := range s.contexts {
		_ = windows.CertFreeCertificateContext(c) // it always succeeds
	}
	_ = windows.CertCloseStore(s.handle, 0) // nothing was written
}

// maxStored bounds the certificates that are looked at.
const maxStored = 10_000

// certificates passes over what Go cannot parse.
func (s *openStore) certificates() ([]stored, error) {
	var c *windows.CertContext
	for range maxStored {
		var err error
		c, err = windows.CertEnumCertificatesInStore(s.handle, c) // frees the one before
		if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) || err == nil && c == nil || errors.Is(err, windows.ERROR_NO_MORE_FILES) {
			return s.parsed, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		leaf, err := x509.ParseCertificate(slices.Clone(encoded(c)))
		if err != nil {
			continue
		}
		s.contexts = append(s.contexts, windows.CertDuplicateCertificateContext(c))
		s.parsed = append(s.parsed, stored{leaf, hasKey(c)})
	}
	_ = windows.CertFreeCertificateContext(c)
	return s.parsed, nil
}

func encoded(c *windows.CertContext) []byte {
	return unsafe.Slice(c.EncodedCert, c.Length) //nolint:gosec // the structure says so
}

// certKeyProvInfo is CERT_KEY_PROV_INFO_PROP_ID: where the private key is.
const certKeyProvInfo = 2

func hasKey(c *windows.CertContext) bool {
	var size uint32
	r, _, _ := crypt32().NewProc("CertGetCertificateContextProperty").Call(
		uintptr(unsafe.Pointer(c)), certKeyProvInfo, 0, uintptr(unsafe.Pointer(&size))) //nolint:gosec // the call's form
	return r != 0
}

func crypt32() *windows.LazyDLL { return windows.NewLazySystemDLL("crypt32.dll") }

func ncrypt(name string) *windows.LazyProc {
	return windows.NewLazySystemDLL("ncrypt.dll").NewProc(name)
}

// signer has the key of a certificate; only keys of CNG can be used, which sign in every way that TLS
// wants.
func (s *openStore) signer(i int) (crypto.Signer, error) {
	var h windows.Handle
	var spec uint32
	var free bool
	const flags = windows.CRYPT_ACQUIRE_SILENT_FLAG | windows.CRYPT_ACQUIRE_COMPARE_KEY_FLAG | windows.CRYPT_ACQUIRE_ONLY_NCRYPT_KEY_FLAG
	if err := windows.CryptAcquireCertificatePrivateKey(s.contexts[i], flags, nil, &h, &spec, &free); err != nil {
		return nil, err
	}
	k := &systemKey{handle: h, public: s.parsed[i].leaf.PublicKey, sign: ncrypt("NCryptSignHash")}
	if free {
		runtime.AddCleanup(k, func(h windows.Handle) { _, _, _ = ncrypt("NCryptFreeObject").Call(uintptr(h)) }, h)
	}
	switch k.public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return k, nil
	default:
		return nil, fmt.Errorf("a key of the kind %T cannot be used", k.public)
	}
}

// chain asks the system for the way to a root, which it may know better than the store.
func (s *openStore) chain(i int) [][]byte {
	para := windows.CertChainPara{}
	para.Size = uint32(unsafe.Sizeof(para))
	var ctx *windows.CertChainContext
	const cacheOnly = 0x80000000 | 0x4 // CERT_CHAIN_REVOCATION_CHECK_CACHE_ONLY, CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL
	if err := windows.CertGetCertificateChain(0, s.contexts[i], nil, s.handle, &para, cacheOnly, 0, &ctx); err != nil {
		return nil
	}
	defer windows.CertFreeCertificateChain(ctx)
	if ctx.ChainCount == 0 {
		return nil
	}
	simple := *ctx.Chains
	var all [][]byte
	elements := unsafe.Slice(simple.Elements, simple.NumElements) //nolint:gosec // the structure says so
	for _, e := range elements[min(1, len(elements)):] {
		one := slices.Clone(encoded(e.CertContext))
		c, err := x509.ParseCertificate(one)
		if err != nil || c.CheckSignatureFrom(c) == nil {
			break // a root: the client has its own
		}
		all = append(all, one)
	}
	return all
}

// systemKey is a private key of the system's.
type systemKey struct {
	handle windows.Handle
	public crypto.PublicKey
	sign   *windows.LazyProc
}

// Public implements crypto.Signer.
func (k *systemKey) Public() crypto.PublicKey { return k.public }

// Paddings of NCryptSignHash.
const (
	padPKCS1 = 2 // BCRYPT_PAD_PKCS1
	padPSS   = 8 // BCRYPT_PAD_PSS
	noDialog = 0x40
)

// Sign implements crypto.Signer.
func (k *systemKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	defer runtime.KeepAlive(k)
	if _, ok := k.public.(*ecdsa.PublicKey); ok {
		raw, err := k.signHash(nil, digest, noDialog)
		if err != nil {
			return nil, err
		}
		return ecdsaSignature(raw)
	}
	name, err := hashName(opts.HashFunc())
	if err != nil {
		return nil, err
	}
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		salt := pss.SaltLength
		if salt == rsa.PSSSaltLengthEqualsHash || salt == rsa.PSSSaltLengthAuto {
			salt = opts.HashFunc().Size()
		}
		info := struct {
			algorithm *uint16
			salt      uint32
		}{name, uint32(salt)} //nolint:gosec // the size of a hash
		return k.signHash(unsafe.Pointer(&info), digest, padPSS|noDialog) //nolint:gosec // the call's form
	}
	info := struct{ algorithm *uint16 }{name}
	return k.signHash(unsafe.Pointer(&info), digest, padPKCS1|noDialog) //nolint:gosec // the call's form
}

func (k *systemKey) signHash(padding unsafe.Pointer, digest []byte, flags uint32) ([]byte, error) {
	if len(digest) == 0 {
		return nil, errors.New("private key: nothing to sign")
	}
	signature, size := make([]byte, 1024), uint32(0) // enough for RSA with 8192 bits
	r, _, _ := k.sign.Call(uintptr(k.handle), uintptr(padding),
		uintptr(unsafe.Pointer(&digest[0])), uintptr(len(digest)), //nolint:gosec // the call's form
		uintptr(unsafe.Pointer(&signature[0])), uintptr(len(signature)), uintptr(unsafe.Pointer(&size)), uintptr(flags)) //nolint:gosec // the call's form
	if r != 0 {
		return nil, fmt.Errorf("private key: NCryptSignHash: %w", windows.Errno(r))
	}
	return signature[:size], nil
}

// hashName is the name of a hash to CNG.
func hashName(h crypto.Hash) (*uint16, error) {
	name := map[crypto.Hash]string{crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512"}[h]
	if name == "" {
		return nil, fmt.Errorf("private key: hash %v is not signed", h)
	}
	return windows.UTF16PtrFromString(name)
}

// ecdsaSignature turns r and s, one after the other, into the form of TLS (RFC 3279, section 2.2.3).
func ecdsaSignature(raw []byte) ([]byte, error) {
	half := len(raw) / 2
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[:half]))
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[half:]))
	})
	return b.Bytes()
}
