// Command authenticode verifies the Authenticode signature of a Windows executable or Windows
// Installer package with another implementation than the one that signs (sassoftware/relic), on any
// system. It belongs to the tools' module so that the libraries it needs are none of the product's.
//
//	authenticode [--root FILE.pem]... [--any-root] FILE
//
// It prints the signature as JSON and ends with 0; otherwise it says why not and ends with 1.
package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sassoftware/relic/v8/lib/authenticode"
	"github.com/sassoftware/relic/v8/lib/magic"
	"github.com/sassoftware/relic/v8/lib/pkcs9"
	"github.com/sassoftware/relic/v8/signers/sigerrors"
)

// signature is what is printed; installer/sign reads it.
type signature struct {
	Kind        string     `json:"kind"` // msi or exe
	Hash        string     `json:"hash"`
	Subject     string     `json:"subject"`
	Issuer      string     `json:"issuer"`
	Thumbprint  string     `json:"thumbprint"` // SHA-256 of the certificate
	NotAfter    time.Time  `json:"not_after"`
	Timestamp   *time.Time `json:"timestamp,omitempty"`
	Trusted     bool       `json:"trusted"` // the chain ends at one of the roots
	Description string     `json:"description,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("authenticode", flag.ContinueOnError)
	flags.SetOutput(stderr)
	roots := x509.NewCertPool()
	given := 0
	flags.Func("root", "a PEM file with certificates to trust; may be repeated", func(name string) error {
		data, err := os.ReadFile(name) //nolint:gosec // the caller's own file
		if err != nil {
			return err
		}
		if !roots.AppendCertsFromPEM(data) {
			return fmt.Errorf("%s holds no certificate in PEM form", name)
		}
		given++
		return nil
	})
	anyRoot := flags.Bool("any-root", false, "check only that the file is as it was signed, by whomsoever")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || (given > 0) == *anyRoot {
		return errors.New("usage: authenticode --root FILE.pem | --any-root FILE")
	}
	f, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	s, err := verify(f, roots, *anyRoot)
	if _, ok := errors.AsType[sigerrors.NotSignedError](err); ok {
		return errors.New("it is not signed")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(s)
}

func verify(f *os.File, roots *x509.CertPool, anyRoot bool) (*signature, error) {
	kind := magic.Detect(f)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	switch kind { //nolint:exhaustive // the others cannot be verified here
	case magic.FileTypeMSI:
		sig, err := authenticode.VerifyMSI(f, false)
		if err != nil {
			return nil, err
		}
		return describe("msi", sig.HashFunc.String(), sig.TimestampedSignature, sig.OpusInfo, roots, anyRoot)
	case magic.FileTypePECOFF:
		sigs, err := authenticode.VerifyPE(f, false)
		if err != nil {
			return nil, err
		}
		if len(sigs) != 1 {
			return nil, fmt.Errorf("it has %d signatures; one is expected", len(sigs))
		}
		return describe("exe", sigs[0].ImageHashFunc.String(), sigs[0].TimestampedSignature, sigs[0].OpusInfo, roots, anyRoot)
	default:
		return nil, errors.New("it is neither a Windows Installer package nor a Windows executable")
	}
}

// describe checks the chain and tells who signed.
func describe(kind, hash string, sig pkcs9.TimestampedSignature, opus *authenticode.SpcSpOpusInfo, roots *x509.CertPool, anyRoot bool) (*signature, error) {
	if !anyRoot {
		if err := sig.VerifyChain(roots, nil, x509.ExtKeyUsageCodeSigning); err != nil {
			return nil, fmt.Errorf("the signer is not trusted: %w", err)
		}
	}
	sum := sha256.Sum256(sig.Certificate.Raw)
	s := &signature{
		Kind: kind, Hash: hash, Subject: sig.Certificate.Subject.String(), Issuer: sig.Certificate.Issuer.String(),
		Thumbprint: strings.ToUpper(hex.EncodeToString(sum[:])), NotAfter: sig.Certificate.NotAfter.UTC(), Trusted: !anyRoot,
	}
	if sig.CounterSignature != nil {
		at := sig.CounterSignature.SigningTime.UTC()
		s.Timestamp = &at
	}
	if opus != nil {
		s.Description = opus.ProgramName.String()
	}
	return s, nil
}
