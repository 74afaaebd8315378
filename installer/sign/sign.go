// Package sign signs executables and packages with Authenticode and verifies the result with another
// implementation: osslsigncode signs, sassoftware/relic verifies (build/tools/authenticode).
//
// The order is that of the package: the executables first, then the cabinet is built of them, then the
// package itself is signed. A signature inside cannot be added later without breaking the outer one.
//
// No password is ever an argument of a program, where every user of the machine could read it.
package sign

import (
	"bytes"
	"context"
	"debug/pe"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Timeout bounds the signing of one file, the answers of timestamp servers included.
const Timeout = 3 * time.Minute

// Options say with which key to sign. Exactly one of PFX, Key with Cert, and PKCS11 is set.
type Options struct {
	// PFX is a PKCS#12 file with the certificate, its chain and the key.
	PFX string
	// Cert and Key are PEM files: the certificate with its chain, and the private key.
	Cert, Key string
	// PKCS11 is a key that never leaves its token.
	PKCS11 PKCS11
	// PasswordFile holds the password of the key in its first line; PasswordEnv is the name of an
	// environment variable that holds it. At most one is set.
	PasswordFile, PasswordEnv string
	// Chain are PEM files with further certificates to put into the signature.
	Chain []string
	// Timestamp are the URLs of RFC 3161 servers, tried in order. Without one, the signature ends with
	// its certificate.
	Timestamp []string
	// Description and URL are what Windows shows when it asks for an administrator.
	Description, URL string
	// Tool is osslsigncode (default: as PATH finds it).
	Tool string
}

// PKCS11 names a key in a token: a smart card, a USB key, an HSM or a cloud's key service. The PIN
// belongs into the URI of the key as pin-source=file:/PATH (RFC 7512), not as pin-value.
type PKCS11 struct {
	// Module is the vendor's library; Engine OpenSSL's (libp11), where the tool does not find it.
	Module, Engine string
	// Key is the URI of the key; Cert that of the certificate, if Options.Cert is not a file.
	Key, Cert string
}

// Signed tells whether an executable has a signature, good or not.
func Signed(exe string) (bool, error) {
	f, err := pe.Open(exe)
	if err != nil {
		return false, fmt.Errorf("sign %s: %w", exe, err)
	}
	defer f.Close() //nolint:errcheck // only read
	switch header := f.OptionalHeader.(type) {
	case *pe.OptionalHeader64:
		return header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].Size > 0, nil
	case *pe.OptionalHeader32:
		return header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].Size > 0, nil
	default:
		return false, fmt.Errorf("sign %s: it is no program", exe)
	}
}

// Sign signs the file in place: an executable or a package. The file is only replaced when its
// signature is complete.
func Sign(ctx context.Context, file string, o Options) error {
	if err := o.Check(); err != nil {
		return fmt.Errorf("sign %s: %w", file, err)
	}
	tool, err := o.tool()
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	private, err := os.MkdirTemp(filepath.Dir(file), ".sign-*") // 0700, and on the same volume
	if err != nil {
		return fmt.Errorf("sign %s: %w", file, err)
	}
	defer os.RemoveAll(private) //nolint:errcheck // a leftover is harmless
	password, err := o.passwordFile(private)
	if err != nil {
		return fmt.Errorf("sign %s: %w", file, err)
	}
	signed := filepath.Join(private, "signed")
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, o.arguments(file, signed, password)...) //nolint:gosec // the tool that was asked for
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("sign %s: osslsigncode: %w\n%s", file, err, tail(said.String()))
	}
	// Not that it is larger: a package is written anew, without its unused sectors.
	if made, err := os.Stat(signed); err != nil || made.Size() == 0 {
		return fmt.Errorf("sign %s: osslsigncode made no file\n%s", file, tail(said.String()))
	}
	if err := os.Chmod(signed, info.Mode().Perm()); err != nil {
		return fmt.Errorf("sign %s: %w", file, err)
	}
	if err := os.Rename(signed, file); err != nil {
		return fmt.Errorf("sign %s: %w", file, err)
	}
	return nil
}

// Check wants one key, and nothing that cannot be meant.
func (o Options) Check() error {
	ways := 0
	for _, set := range []bool{o.PFX != "", o.Key != "", o.PKCS11 != PKCS11{}} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("name exactly one key: a PFX file, a PEM key with its certificate, or a key in a PKCS#11 token")
	case o.Key != "" && o.Cert == "":
		return errors.New("the PEM key needs its certificate")
	case o.PFX != "" && o.Cert != "":
		return errors.New("a PFX file holds its certificate; leave the other one out, or give it as part of the chain")
	case o.PKCS11 != PKCS11{} && (o.PKCS11.Module == "" || o.PKCS11.Key == ""):
		return errors.New("a key in a token needs the vendor's module and the URI of the key")
	case o.PKCS11.Key != "" && (o.Cert == "") == (o.PKCS11.Cert == ""):
		return errors.New("a key in a token needs one certificate: as a PEM file, or by its URI in the token")
	case strings.Contains(o.PKCS11.Key+o.PKCS11.Cert, "pin-value="):
		return errors.New("pin-value= would show the PIN to every user of this machine; write pin-source=file:/PATH")
	case o.PasswordFile != "" && o.PasswordEnv != "":
		return errors.New("give the password by a file or by an environment variable, not by both")
	}
	for _, url := range o.Timestamp {
		if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
			return fmt.Errorf("timestamp server %q: write a URL, such as http://timestamp.digicert.com", url)
		}
	}
	return nil
}

func (o Options) tool() (string, error) {
	name := o.Tool
	if name == "" {
		name = "osslsigncode"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is missing here: install it (Debian and Ubuntu: apt-get install osslsigncode; macOS: brew install osslsigncode; Windows: github.com/mtrojnar/osslsigncode/releases)", name)
	}
	return path, nil
}

// passwordFile writes the password where only this user can read it. There always is one, so that the
// tool never asks for a password in the middle of a build.
func (o Options) passwordFile(private string) (string, error) {
	var password []byte
	switch {
	case o.PasswordFile != "":
		data, err := os.ReadFile(o.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		password = firstLine(data)
	case o.PasswordEnv != "":
		value, ok := os.LookupEnv(o.PasswordEnv)
		if !ok {
			return "", fmt.Errorf("password: the environment variable %s is not set", o.PasswordEnv)
		}
		password = []byte(value)
	}
	name := filepath.Join(private, "password")
	return name, os.WriteFile(name, append(password, '\n'), 0o600) //nolint:gosec // in our own new folder
}

// firstLine is without its end, of Windows or of others.
func firstLine(data []byte) []byte {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

func (o Options) arguments(in, out, password string) []string {
	args := []string{"sign", "-h", "sha256"}
	add := func(option, value string) {
		if value != "" {
			args = append(args, option, value)
		}
	}
	add("-pkcs12", o.PFX)
	add("-pkcs11engine", o.PKCS11.Engine)
	add("-pkcs11module", o.PKCS11.Module)
	add("-pkcs11cert", o.PKCS11.Cert)
	add("-certs", o.Cert)
	add("-key", o.Key+o.PKCS11.Key)
	if o.PKCS11 == (PKCS11{}) {
		add("-readpass", password)
	}
	for _, chain := range o.Chain {
		add("-ac", chain)
	}
	add("-n", o.Description)
	add("-i", o.URL)
	for _, url := range o.Timestamp {
		add("-ts", url)
	}
	if strings.EqualFold(filepath.Ext(in), ".msi") {
		args = append(args, "-add-msi-dse") // the hash of the streams' names and times, too
	}
	return append(args, "-in", in, "-out", out)
}

// tail is the end of what a tool said.
func tail(said string) string {
	lines := slices.DeleteFunc(strings.Split(said, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	return "  " + strings.Join(lines[max(0, len(lines)-6):], "\n  ")
}
