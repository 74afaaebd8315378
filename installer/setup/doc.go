// Command setup is the custom-action program of the package: Windows Installer runs it, as SYSTEM and
// from the package itself, for all that the Installer cannot do of its own.
//
//	setup VERB --name NAME --data DIR ... (see arguments.go)
//
// Each verb is one action of wix/actions.wxs. Every one can be repeated, ends within its limit, writes
// into setup.log, and tells the Event Log when it fails. Verbs that end in -rollback undo the one of
// their name, as far as it got; they and commit never fail the installation any more.
//
// # Files, and what state they tell
//
// All are below the data folder, in setup\, which only SYSTEM and Administrators can read:
//
//	setup.log, setup.log.1      what setup did, in JSON lines, at most 1 MiB each
//	seed.json                   what holdfast.yaml was written from, and by whom; a data folder without
//	                            one of the same name is not setup's and is never purged
//	snapshot-KIND-VERSION.json  a transaction that is neither committed nor rolled back
//
// KIND is install or remove, VERSION the package's. While one version replaces another, two
// transactions are open: that of the new one (install) and, inside it, that of the old one (remove).
// They have files of their own and never touch each other's:
//
//	snapshot      writes the file: how the service was, whether the folder is new. Nobody starts the
//	              service from now on. A service that it finds disabled by another open transaction is
//	              recorded as that one recorded it.
//	apply,remove  add to the file what they are about to change, before they change it
//	purge         (remove) renames the data folder to DATA.purge-RANDOM; the file moves with it, and
//	              every later verb finds it there
//	*-rollback    undo what the file tells and take it from the file; snapshot-rollback, the last,
//	              makes the service what it was and deletes the file, or the whole data folder if this
//	              transaction made it
//	commit        deletes what was purged, then the file; before that it does what a remove that was
//	              ended from outside has left. The removal inside an upgrade leaves its file for the
//	              upgrade's commit, because the upgrade may still be rolled back.
//
// A removal goes on without such a file when the data folder cannot be trusted or is gone: then
// Windows Installer alone undoes it. An installation does not.
package main
