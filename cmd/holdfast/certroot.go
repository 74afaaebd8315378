package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func newCertRootCommand(c *console) *cobra.Command {
	var rotate, distrust bool
	cmd := &cobra.Command{
		Use:   "root",
		Short: "Print the roots of the internal authority, or give it a new one",
		Long: `Prints what has to be trusted, in PEM form: the root of the internal authority, and former ones while
certificates of theirs are valid. The authority is made at the first use.

With --rotate it gets a new root, and its certificates are issued anew at once. Former certificates stay
good until they end, and who knows only the former root trusts the new certificates for 90 days more:
time to hand out the new one. With --distrust, for a root whose key is in wrong hands, the former root is
forgotten at once.`,
		Example: `  holdfast cert root > root.pem
  holdfast cert root --rotate > roots.pem
  holdfast cert root --rotate --distrust`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if distrust && !rotate {
				return &exitError{exitUsage, fmt.Errorf("--distrust goes with --rotate: without a root the authority issues nothing")}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				roots, err := rootsOf(ctx, client, rotate, distrust)
				if err != nil {
					return err
				}
				return c.show(roots, func(w io.Writer) error { return writeRoots(w, roots) })
			})
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make a new root first")
	cmd.Flags().BoolVar(&distrust, "distrust", false, "with --rotate: refuse what the former root has signed from now on")
	return cmd
}

func rootsOf(ctx context.Context, client *api.Client, rotate, distrust bool) ([]api.Root, error) {
	if rotate {
		return client.RotateRoot(ctx, distrust)
	}
	return client.Roots(ctx)
}

// writeRoots writes PEM; the lines between the blocks are comments (RFC 7468, section 2).
func writeRoots(w io.Writer, roots []api.Root) error {
	for _, r := range roots {
		until := "valid until " + r.NotAfter.UTC().Format("2006-01-02")
		if r.Former {
			until = "former, trusted until " + r.TrustedUntil.UTC().Format("2006-01-02 15:04 MST")
		}
		if _, err := fmt.Fprintf(w, "%s (%s)\n%s", printable(r.Subject), until, r.Certificate); err != nil {
			return err
		}
	}
	return nil
}
