package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/installer/sign"
)

// signing are the options of a command that signs what it makes.
type signing struct {
	options sign.Options
}

func (s *signing) flags(flags *pflag.FlagSet) {
	o := &s.options
	flags.StringVar(&o.PFX, "sign-pfx", "", "sign with the key and certificate of this PKCS#12 file")
	flags.StringVar(&o.Key, "sign-key", "", "sign with this PEM key, together with --sign-certificate")
	flags.StringVar(&o.Cert, "sign-certificate", "", "the PEM certificate of the key, its chain after it")
	flags.StringVar(&o.PKCS11.Module, "sign-pkcs11-module", "", "sign with a key in a token: the vendor's library")
	flags.StringVar(&o.PKCS11.Engine, "sign-pkcs11-engine", "", "OpenSSL's engine for tokens, where it is not found by itself")
	flags.StringVar(&o.PKCS11.Key, "sign-pkcs11-key", "", "the URI of the key in the token, such as pkcs11:object=code;pin-source=file:/run/pin")
	flags.StringVar(&o.PKCS11.Cert, "sign-pkcs11-certificate", "", "the URI of its certificate in the token")
	flags.StringVar(&o.PasswordFile, "sign-password-file", "", "the key's password: the first line of this file")
	flags.StringVar(&o.PasswordEnv, "sign-password-env", "", "the key's password: the value of this environment variable")
	flags.StringArrayVar(&o.Chain, "sign-chain", nil, "further PEM certificates for the signature; may be given again")
	flags.StringArrayVar(&o.Timestamp, "sign-timestamp", nil, "URL of an RFC 3161 timestamp server; without one the signature ends with its certificate")
}

// wanted tells whether a key was named.
func (s *signing) wanted() bool {
	return s.options.PFX != "" || s.options.Key != "" || s.options.PKCS11 != sign.PKCS11{}
}

// check finds a wrong combination before minutes are spent on what it would sign.
func (s *signing) check() error {
	o := s.options
	if !s.wanted() && (o.Cert != "" || o.PasswordFile != "" || o.PasswordEnv != "" || len(o.Chain)+len(o.Timestamp) > 0) {
		return &exitError{exitUsage, fmt.Errorf("the --sign options name no key: add --sign-pfx, --sign-key or --sign-pkcs11-key")}
	}
	if !s.wanted() {
		return nil
	}
	if err := o.Check(); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// file signs one file in place.
func (s *signing) file(ctx context.Context, file string) error {
	return sign.Sign(ctx, file, s.options)
}

func newSignCommand(c *console) *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "sign FILE...",
		Short: "Sign executables and packages",
		Long: `Signs files in place with osslsigncode; each is replaced only when its signature is complete. A
package is best signed while it is built (installer build --sign-…), because its executables have to
be signed before they are put into it.`,
		Example: `  installer sign holdfast-1.2.3-x64.msi --sign-pfx code.pfx --sign-password-env CODE_PASSWORD \
      --sign-timestamp http://timestamp.digicert.com`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			if !s.wanted() {
				return &exitError{exitUsage, fmt.Errorf("with which key? Add --sign-pfx, --sign-key or --sign-pkcs11-key")}
			}
			if err := s.check(); err != nil {
				return err
			}
			for _, file := range files {
				if err := s.file(cmd.Context(), file); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(c.out, "signed %s\n", file); err != nil {
					return err
				}
			}
			return nil
		},
	}
	s.flags(cmd.Flags())
	return cmd
}

func newVerifySignatureCommand(c *console) *cobra.Command {
	var o sign.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify-signature FILE...",
		Short: "Check signatures with another implementation than the one that signs",
		Long: `Checks that a file is signed, was not changed since, and that the signer's certificate ends at a root
that you name. The roots of this system are not asked: they are for web sites. Exit code 3 says that
a file is not verified.`,
		Example: `  installer verify-signature holdfast-1.2.3-x64.msi --root company-root.pem
  installer verify-signature holdfast.exe --any-root      who signed it, and is it whole?`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error { return c.verifySignature(cmd.Context(), files, o) },
	}
	cmd.Flags().StringArrayVar(&o.Roots, "root", nil, "PEM file with certificates at which a chain may end; may be given again")
	cmd.Flags().BoolVar(&o.AnyRoot, "any-root", false, "only check that the file is as it was signed, by whomsoever")
	return cmd
}

func (c *console) verifySignature(ctx context.Context, files []string, o sign.VerifyOptions) error {
	if o.AnyRoot == (len(o.Roots) > 0) {
		return &exitError{exitUsage, fmt.Errorf("whom to trust? Name certificates with --root, or ask for --any-root")}
	}
	root, err := moduleRoot()
	if err != nil {
		return fmt.Errorf("the program that verifies is built from Holdfast's sources: run this in their folder (%w)", err)
	}
	if o.Tool, err = sign.BuildVerifier(ctx, root); err != nil {
		return err
	}
	for _, file := range files {
		s, err := sign.Verify(ctx, file, o)
		if err != nil {
			return &exitError{exitFindings, err}
		}
		if err := writeSignature(c.out, file, s); err != nil {
			return err
		}
	}
	return nil
}

func writeSignature(w io.Writer, file string, s sign.Signature) error {
	trust, stamp := "not asked (--any-root)", "none: the signature ends with its certificate"
	if s.Trusted {
		trust = "yes"
	}
	if s.Timestamp != nil {
		stamp = s.Timestamp.UTC().Format("2006-01-02 15:04:05 MST")
	}
	_, err := fmt.Fprintf(w, "%s: whole as it was signed\n  signer      %s\n  issuer      %s\n  valid until %s\n  trusted     %s\n  timestamp   %s\n  thumbprint  %s\n",
		file, s.Subject, s.Issuer, s.NotAfter.UTC().Format("2006-01-02"), trust, stamp, s.Thumbprint)
	return err
}
