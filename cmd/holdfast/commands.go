package main

import "github.com/spf13/cobra"

// commands are the subcommands, one file each.
func commands(c *console) []*cobra.Command {
	return []*cobra.Command{
		newRunCommand(c),
		newDemoCommand(c),
		newCheckCommand(c),
		newExplainCommand(c),
		newHashCommand(c),
		newInitCommand(c),
		newAddCommand(c),
		newRemoveCommand(c),
		newImportCommand(c),
		newDoctorCommand(c),
		newStatusCommand(c),
		newExitsCommand(c),
		newStartCommand(c),
		newStopCommand(c),
		newRestartCommand(c),
		newTopCommand(c),
		newScaleCommand(c),
		newMaintenanceCommand(c),
		newAppCommand(c),
		newLogsCommand(c),
		newEventsCommand(c),
		newRoutesCommand(c),
		newRouteCommand(c),
		newCertCommand(c),
		newReloadCommand(c),
		newServiceCommand(c),
		newVersionCommand(c),
		newDemoAppCommand(c),
	}
}
