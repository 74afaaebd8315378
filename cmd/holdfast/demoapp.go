package main

import (
	"cmp"
	"errors"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/internal/demo"
)

// newDemoAppCommand is the program that the demo supervises. It is hidden: nobody types it.
func newDemoAppCommand(c *console) *cobra.Command {
	var linger bool
	cmd := &cobra.Command{
		Use:    "demo-app",
		Short:  "Run the built-in demo program on 127.0.0.1:$PORT",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if linger {
				demo.Linger(ctx, c.out)
				return nil
			}
			port, err := strconv.ParseUint(os.Getenv("PORT"), 10, 16)
			if err != nil {
				return &exitError{exitUsage, errors.New("demo-app: set PORT to the port to listen on; holdfast demo does so by itself")}
			}
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			err = demo.New(demo.Options{
				Address:  net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)),
				Instance: cmp.Or(os.Getenv("HOLDFAST_DEMO_INSTANCE"), "demo"),
				Stdout:   c.out,
				Stderr:   c.err,
				Child:    []string{exe, "demo-app", "--linger"},
			}).Run(ctx)
			if crash, ok := errors.AsType[*demo.CrashError](err); ok {
				return &exitError{crash.Code, errors.New("")} // its stack is on stderr already
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&linger, "linger", false, "only hold stdout open, as a forgotten grandchild does")
	return cmd
}
