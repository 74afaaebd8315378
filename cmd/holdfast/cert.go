package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func newCertCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "List, renew, issue and test certificates",
		Long: `Commands about the certificates that TLS listeners present, and about the internal authority, which
issues short-lived ones for listeners, upstreams, clients and other machines.`,
		Example: "  holdfast cert ls\n  holdfast cert issue deploy-bot --client --lifetime 8h\n  holdfast cert test shop.example.com",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCertListCommand(c), newCertRenewCommand(c), newCertIssueCommand(c), newCertRootCommand(c), newCertTestCommand(c))
	return cmd
}

func newCertListCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "Show the certificates that are presented",
		Long: `Shows each certificate of the configuration: where it comes from, for which names it is made, when it
ends, and when Holdfast renews it. Each pair of a folder has a line of its own.`,
		Example:           "  holdfast cert ls\n  holdfast cert ls -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				list, err := client.Certificates(ctx)
				if err != nil {
					return err
				}
				return c.show(list, func(w io.Writer) error { return c.writeCertificates(w, c.style(), list) })
			})
		},
	}
}

func (c *console) writeCertificates(w io.Writer, s style, list []api.Certificate) error {
	if len(list) == 0 {
		_, err := fmt.Fprintf(w, "No certificates are configured: no listener speaks TLS.\nNext: add one to the configuration file, such as certificates: {shop: {self_signed: {}}}, then: %s\n", c.command("reload"))
		return err
	}
	rows := [][]string{{"CERTIFICATE", "SOURCE", "STATE", "NAMES", "ISSUER", "ENDS", "RENEWAL"}}
	var errs []string
	for _, one := range list {
		name := one.ID
		if one.File != "" {
			name += "/" + one.File
		}
		issuer := one.Issuer
		if issuer == "" {
			issuer = s.none()
		}
		rows = append(rows, []string{
			printable(name), string(one.Source), strings.ReplaceAll(string(one.State), "_", " "),
			printable(strings.Join(one.Names, ",")), printable(issuer), s.moment(one.NotAfter), s.moment(one.NextRenewal),
		})
		if one.Error != "" {
			errs = append(errs, printable(fmt.Sprintf("%s: %s", name, one.Error)))
		}
	}
	if err := table(w, "", rows); err != nil || len(errs) == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(errs, "\n"))
	return err
}

// moment is a time that may be far away: the day, and how long until then.
func (s style) moment(t time.Time) string {
	if t.IsZero() {
		return s.none()
	}
	left := t.Sub(s.now)
	if left < 0 {
		return t.In(s.zone).Format(time.DateOnly) + " (" + span(-left) + " ago)"
	}
	return t.In(s.zone).Format(time.DateOnly) + " (in " + span(left) + ")"
}

func newCertRenewCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "renew NAME",
		Short: "Renew a certificate before its time",
		Long: `Has a certificate of self_signed, acme or internal_ca made, issued or obtained anew. The present one
goes on until then. Certificates of files, folders and the Windows store are renewed by whoever writes
them, and presented as soon as they change.`,
		Example:           "  holdfast cert renew shop",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeCertificates,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				renewal, err := client.RenewCertificate(ctx, args[0])
				if err != nil {
					return err
				}
				return c.show(renewal, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s is being renewed (%s).\nNext: %s\n", renewal.Certificate, renewal.Source, c.command("cert ls"))
					return err
				})
			})
		},
	}
}

// completeCertificates completes names of certificates.
func (c *console) completeCertificates(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	_ = c.forCompletion(cmd, func(ctx context.Context, client *api.Client) error { // no names then
		list, err := client.Certificates(ctx)
		for _, one := range list {
			names = append(names, cobra.CompletionWithDesc(one.ID, string(one.Source)))
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
