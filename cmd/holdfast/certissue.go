package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/certs"
)

// issueFlags say what is issued and where it goes.
type issueFlags struct {
	client, pem, force bool
	lifetime           time.Duration
	out                string
}

func newCertIssueCommand(c *console) *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "issue NAME...",
		Short: "Issue a certificate for a client or another machine",
		Long: `Has the internal authority issue a certificate for the names: host names, addresses, e-mail addresses
or URIs such as spiffe://example.com/shop. The key is made here and never leaves this machine: Holdfast
sees a signing request only.

Writes NAME.crt (the certificate and what is sent after it), NAME.key (for its owner alone) and
root.pem (what to trust) into a folder, or everything to standard output. A root.pem that a Holdfast has
written is replaced, other files are not.`,
		Example: `  holdfast cert issue deploy-bot --client --lifetime 8h
  holdfast cert issue db.internal 10.0.0.7 --out /etc/db/tls
  holdfast cert issue deploy-bot --client --pem > deploy-bot.pem`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.pem && (cmd.Flags().Changed("out") || c.output != "table"):
				return &exitError{exitUsage, errors.New("--pem writes to standard output: leave --out and -o out")}
			case f.lifetime < certs.MinLifetime || f.lifetime > certs.MaxLifetime:
				return &exitError{exitUsage, fmt.Errorf("--lifetime %v: write a time from %v to %v, such as 8h", f.lifetime, certs.MinLifetime, certs.MaxLifetime)}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error { return c.issue(ctx, client, args, f) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.client, "client", false, "for a client instead of a server")
	flags.DurationVar(&f.lifetime, "lifetime", 24*time.Hour, "how long it is valid, from 1m to 8760h")
	flags.StringVar(&f.out, "out", ".", "folder for the files")
	flags.BoolVar(&f.pem, "pem", false, "write the certificate, its key and the roots to standard output instead")
	flags.BoolVar(&f.force, "force", false, "replace files that are there already")
	return cmd
}

// issuedFiles is what the command tells about what it has written.
type issuedFiles struct {
	Names       []string  `json:"names"`
	Serial      string    `json:"serial"`
	NotAfter    time.Time `json:"not_after"`
	Certificate string    `json:"certificate"`
	Key         string    `json:"key"`
	Root        string    `json:"root"`
}

func (c *console) issue(ctx context.Context, client *api.Client, names []string, f issueFlags) error {
	base := filepath.Join(f.out, fileName(names[0]))
	files := issuedFiles{Certificate: base + ".crt", Key: base + ".key", Root: filepath.Join(f.out, "root.pem")}
	if !f.pem && !f.force {
		for _, name := range []string{files.Certificate, files.Key} {
			if hasFile(name) {
				return &exitError{exitFailed, fmt.Errorf("%s is there already: choose another folder with --out, or replace it with --force", name)}
			}
		}
		if hasFile(files.Root) && !ourRoots(files.Root) {
			return &exitError{exitFailed, fmt.Errorf("%s is there already, with what no Holdfast has written: choose another folder with --out, or replace it with --force", files.Root)}
		}
	}
	key, csr, err := certs.NewRequest(names)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	issued, err := client.IssueCertificate(ctx, csr, f.client, f.lifetime)
	if err != nil {
		return err
	}
	if f.pem {
		_, err := fmt.Fprintf(c.out, "%s%s%s", issued.Certificate, key, issued.Roots)
		return err
	}
	files.Names, files.Serial, files.NotAfter = issued.Names, issued.Serial, issued.NotAfter
	if err := writeIssued(files, issued, key); err != nil {
		return &exitError{exitFailed, err}
	}
	return c.show(files, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Issued for %s, valid until %s.\n  certificate  %s\n  key          %s\n  to trust     %s\n",
			strings.Join(files.Names, ", "), files.NotAfter.Local().Format(time.DateTime), files.Certificate, files.Key, files.Root)
		return err
	})
}

// writeIssued writes the key first: a certificate without its key is of no use.
func writeIssued(files issuedFiles, issued api.IssuedCertificate, key []byte) error {
	if err := certs.WritePrivate(files.Key, key); err != nil {
		return denied(err)
	}
	for name, text := range map[string]string{files.Certificate: issued.Certificate, files.Root: issued.Roots} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // everybody may know them
			return denied(err)
		}
	}
	return nil
}

// ourRoots tells whether a file holds roots of a Holdfast and nothing else: newer ones may replace them.
func ourRoots(file string) bool {
	data, err := os.ReadFile(file) //nolint:gosec // where the person has us write
	if err != nil {
		return false
	}
	for n := 0; ; n++ {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return n > 0
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !slices.Equal(c.Subject.Organization, []string{"Holdfast"}) {
			return false
		}
	}
}

// fileName is a name as part of a path: of a URI or wildcard only what every file system takes.
func fileName(name string) string {
	name = strings.ReplaceAll(name, "*", "_")
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_.@", r):
			return r
		default:
			return '_'
		}
	}, name)
}
