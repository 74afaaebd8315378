package main

import "github.com/spf13/cobra"

// commands is the list of all subcommands, in the order of a package's life.
func commands(c *console) []*cobra.Command {
	return []*cobra.Command{
		newBuildCommand(c),
		newPackCommand(c),
		newVerifyCommand(c),
		newTablesCommand(c),
		newDiffCommand(c),
		newSimulateCommand(c),
		newTransformCommand(c),
		newSignCommand(c),
		newVerifySignatureCommand(c),
		newMetadataCommand(c),
		newSBOMCommand(c),
		newPolicyCommand(c),
	}
}
