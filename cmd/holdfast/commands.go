package main

import "github.com/spf13/cobra"

// commands are the subcommands, one file each.
func commands(c *console) []*cobra.Command {
	return []*cobra.Command{
		newVersionCommand(c),
	}
}
