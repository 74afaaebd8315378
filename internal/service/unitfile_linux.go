package service

import (
	"fmt"
	"strings"
)

// unitFile is the unit of id. Its limits protect the machine from the apps without keeping the apps
// from their work: they may write anywhere but below /usr, /boot and /etc, use JIT compilers, and
// see /home and /tmp as they are.
func unitFile(id Identity, r Registration, user string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line(unitMark)
	line("[Unit]")
	line("Description=%s: %s", unitText(id.DisplayName()), unitText(r.Description))
	line("Wants=network-online.target")
	line("After=network-online.target")
	line("# Tried for ever: a service that an administrator installed is wanted.")
	line("StartLimitIntervalSec=0")
	line("")
	line("[Service]")
	line("Type=notify")
	line("# The main process is the guardian; the worker that it guards speaks to systemd.")
	line("NotifyAccess=all")
	line("ExecStart=%s", unitCommandLine(append([]string{r.Executable}, id.RunArguments()...)))
	line("ExecReload=/bin/kill -HUP $MAINPID")
	line("User=%s", user)
	line("Restart=on-failure")
	line("RestartSec=5s")
	line("# Both are prolonged by signs of life; the stop ends by itself within 115 s.")
	line("TimeoutStartSec=90s")
	line("TimeoutStopSec=125s")
	line("WatchdogSec=60s")
	line("# A hung worker prints all its stacks; what does not end then is killed and started again.")
	line("WatchdogSignal=SIGQUIT")
	line("TimeoutAbortSec=10s")
	line("# SIGTERM goes to the guardian alone, so that apps stop as configured; what is left is killed.")
	line("KillMode=mixed")
	line("# One app that runs out of memory must not end the others.")
	line("OOMPolicy=continue")
	line("# Each instance gets a control group, for its limits and so that nothing of it escapes; with")
	line("# ProtectControlGroups= it could not.")
	line("Delegate=cpu memory pids")
	line("LimitNOFILE=65536")
	if id.apart == ofName {
		line("ConfigurationDirectory=%s", id.Slug())
		line("StateDirectory=%s", id.Slug())
		line("StateDirectoryMode=0750")
		line("LogsDirectory=%s", id.Slug())
		line("LogsDirectoryMode=0750")
		line("RuntimeDirectory=%s", id.Slug())
		line("RuntimeDirectoryMode=0700")
	}
	if user != "root" {
		line("# Ports below 1024.")
		line("AmbientCapabilities=CAP_NET_BIND_SERVICE")
		line("NoNewPrivileges=yes")
	}
	for _, key := range []string{
		"ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
		"ProtectClock", "ProtectHostname", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
	} {
		line("%s=yes", key)
	}
	line("ProtectSystem=full")
	line("")
	line("[Install]")
	line("WantedBy=multi-user.target")
	return b.String()
}

// unitText is s as a value: one line, without specifiers.
func unitText(s string) string { return strings.ReplaceAll(oneLine(s), "%", "%%") }

// unitCommandLine quotes args as systemd.service(5) reads them: C escapes inside double quotes, "%"
// and "$" doubled.
func unitCommandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		arg = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "%", "%%", "$", "$$").Replace(arg)
		if arg == "" || strings.ContainsAny(arg, " \t;'\\\"") {
			arg = `"` + arg + `"`
		}
		quoted[i] = arg
	}
	return strings.Join(quoted, " ")
}

// unitCommand finds the command line in a unit.
func unitCommand(unit string) string {
	for line := range strings.Lines(unit) {
		if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
			return strings.TrimSpace(command)
		}
	}
	return ""
}
