package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Signature is what a verified file says of its signer.
type Signature struct {
	Kind    string `json:"kind"` // msi or exe
	Hash    string `json:"hash"` // SHA-256
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Thumbprint is the SHA-256 of the certificate, in upper-case hexadecimal digits.
	Thumbprint string    `json:"thumbprint"`
	NotAfter   time.Time `json:"not_after"`
	// Timestamp is when a timestamp server saw the signature; nil without one.
	Timestamp *time.Time `json:"timestamp,omitempty"`
	// Trusted tells that the chain ends at one of the roots; false with AnyRoot.
	Trusted     bool   `json:"trusted"`
	Description string `json:"description,omitempty"`
}

// VerifyOptions say whom to trust.
type VerifyOptions struct {
	// Tool is the verifier (BuildVerifier).
	Tool string
	// Roots are PEM files with the certificates at which a chain may end, those of timestamp servers
	// included. A system's own roots are for web sites, and are not asked.
	Roots []string
	// AnyRoot checks only that the file is as it was signed, by whomsoever.
	AnyRoot bool
}

// ErrNotVerified is a file that is not signed, was changed since, or whose signer is not trusted.
var ErrNotVerified = errors.New("not verified")

// BuildVerifier builds the verifier from the module build/tools below root, the folder of the
// sources. Its libraries are no part of the product's module. It takes seconds the first time.
func BuildVerifier(ctx context.Context, root string) (tool string, err error) {
	out := filepath.Join(root, "build", "out", "tools")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "build", "tools"), "-o", out+string(filepath.Separator), "./authenticode") //nolint:gosec // our own words
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", errors.New("no go here: install Go (https://go.dev/dl/), with which the verifier of signatures is built")
		}
		return "", fmt.Errorf("build the verifier of signatures: %w\n%s", err, tail(said.String()))
	}
	name := "authenticode"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(out, name), nil
}

// Verify checks the signature of an executable or a package: that it is whole, that nothing of the
// file changed since, and that its signer is trusted. The error is ErrNotVerified if it is not so.
func Verify(ctx context.Context, file string, o VerifyOptions) (Signature, error) {
	if o.AnyRoot == (len(o.Roots) > 0) {
		return Signature{}, errors.New("verify: name the root certificates to trust, or ask for any")
	}
	if _, err := os.Stat(file); err != nil {
		return Signature{}, fmt.Errorf("verify: %w", err)
	}
	var args []string
	for _, root := range o.Roots {
		args = append(args, "--root", root)
	}
	if o.AnyRoot {
		args = append(args, "--any-root")
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.Tool, append(args, "--", file)...) //nolint:gosec // BuildVerifier's
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); ended && ctx.Err() == nil {
		return Signature{}, fmt.Errorf("%s: %w: %s", file, ErrNotVerified, strings.TrimSpace(stderr.String()))
	}
	if err != nil {
		return Signature{}, fmt.Errorf("verify %s: %w", file, err)
	}
	var s Signature
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		return Signature{}, fmt.Errorf("verify %s: the verifier's answer: %w", file, err)
	}
	return s, nil
}
