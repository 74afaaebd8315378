package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/doctor"
	"holdfast/internal/process"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// doctorTimeout bounds what a Holdfast that hangs, or its service manager, may take to answer.
const doctorTimeout = 20 * time.Second

func newDoctorCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps Holdfast from working, and print what mends it",
		Long: `Looks at the configuration, the ports it needs and who holds them, the registration as a service,
rights, paths, certificates, the clock, disks and limits. It changes nothing, works while Holdfast is
down, and prints for each thing that is wrong the command that mends it on this system. Without
administrator rights it says what it could not look at.

The exit code is 0 when everything is in order (warnings do not matter) and 1 when something keeps
Holdfast, or an app, from working.`,
		Example: `  holdfast doctor
  holdfast doctor --config ./holdfast.yaml
  holdfast doctor -o json | jq -r '.findings[] | select(.level == "fail") | .fix'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := c.identity()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if ctx == nil {
				ctx = context.Background()
			}
			ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
			defer cancel()
			return c.showReport(doctor.Examine(ctx, doctor.Local(id), c.subject(ctx, id)))
		},
	}
}

// subject is what the command knows of the installation.
func (c *console) subject(ctx context.Context, id service.Identity) doctor.Subject {
	account, admin := doctor.Me()
	s := doctor.Subject{
		System: runtime.GOOS, Identity: id, Version: thisVersion().Version, Account: account, Admin: admin,
		Program: c.program(), Began: time.Now(), Now: time.Now, Command: c.doctorCommand,
		Leftovers: func() ([]int, error) {
			return process.NewLauncher(process.LauncherOptions{Owner: realPath(id.DataDir())}).Leftovers()
		},
	}
	s.Snapshot, s.Problems = config.Load(c.configOptions(id, nil))
	s.Loading = time.Since(s.Began)
	client := api.Dial(id.Endpoint())
	defer client.Close()
	s.Running, s.Delegation, s.NotRunning = askRunning(ctx, client)
	s.Denied = s.NotRunning != nil && !errors.Is(s.NotRunning, api.ErrNotRunning)
	return s
}

// doctorCommand is a command for this installation; one that reads the configuration gets the file that
// this one was given.
func (c *console) doctorCommand(rest string) string {
	text := c.command(rest)
	verb, _, _ := strings.Cut(strings.TrimPrefix(rest, "service "), " ")
	reads := slices.Contains([]string{"run", "check", "doctor", "install"}, verb) && !strings.Contains(rest, "--config")
	if reads && c.config != "" && c.config != os.Getenv("HOLDFAST_CONFIG") {
		text += " --config " + quotedWord(c.config)
	}
	return text
}

func quotedWord(text string) string {
	if strings.ContainsAny(text, " \t\"'$&;|<>()") {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// program is the name of this program's file.
func (*console) program() string {
	exe, err := os.Executable()
	if err != nil {
		return "holdfast"
	}
	return filepath.Base(exe)
}

// realPath is a folder under its one true name, by which the daemon marks what it starts.
func realPath(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// askRunning asks the Holdfast that runs about itself.
func askRunning(ctx context.Context, client *api.Client) (*doctor.Running, func() (string, error), error) {
	st, err := client.Service(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := &doctor.Running{Version: st.Version, Ready: st.Ready, Reasons: st.Reasons, Revision: st.Revision, Applied: st.LastReload.Applied}
	if view, err := client.Config(ctx); err == nil && len(view.Files) > 0 {
		r.File = view.Files[0]
	}
	if apps, err := client.Apps(ctx); err == nil {
		for _, app := range apps {
			if app.Condition == status.Down || app.Condition == status.Degraded {
				r.Apps = append(r.Apps, doctor.App{ID: app.ID, Condition: app.Condition, Why: app.Why})
			}
			for _, i := range app.Instances {
				r.Instances = append(r.Instances, doctor.Instance{ID: i.ID, PID: i.PID, Port: i.Port})
			}
		}
	}
	if list, err := client.Certificates(ctx); err == nil {
		for _, one := range list {
			r.Certificates = append(r.Certificates, doctor.Certificate{
				Name: one.ID, File: one.File, NotBefore: one.NotBefore, NotAfter: one.NotAfter, Error: one.Error,
			})
		}
	}
	return r, func() (string, error) {
		told, err := client.Events(ctx, api.EventQuery{Type: "limits.not_enforced", Newest: 20})
		if err != nil {
			return "", err
		}
		for _, e := range told {
			if !e.Time.Before(st.StartedAt) {
				return "", errors.New(e.Message)
			}
		}
		if runtime.GOOS == "windows" {
			return "job objects", nil
		}
		return "cgroups", nil
	}, nil
}

func (c *console) showReport(r doctor.Report) error {
	if err := c.show(r, func(w io.Writer) error { return writeReport(w, c.style(), r) }); err != nil {
		return err
	}
	if !r.OK {
		return &exitError{exitFailed, errors.New("")}
	}
	return nil
}

func writeReport(w io.Writer, s style, r doctor.Report) error {
	width := 0
	for _, name := range doctor.Checks() {
		width = max(width, len(name))
	}
	var b strings.Builder
	for _, f := range r.Findings {
		color, word := green, "ok  "
		switch f.Level {
		case doctor.OK:
		case doctor.Warn:
			color, word = yellow, "warn"
		case doctor.Fail:
			color, word = red, "fail"
		case doctor.Unseen:
			color, word = grey, "?   "
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", s.paint(color, word), width, f.Check, printable(f.Found))
		if f.Fix != "" {
			fmt.Fprintf(&b, "      %*s  fix: %s\n", width, "", printable(f.Fix))
		}
	}
	var parts []string
	for _, n := range []struct {
		count int
		word  string
	}{{r.Failures, "failure"}, {r.Warnings, "warning"}} {
		if n.count > 0 {
			parts = append(parts, many(n.count, n.word))
		}
	}
	if r.Unseen > 0 {
		parts = append(parts, many(r.Unseen, "thing")+" not looked at")
	}
	if len(parts) == 0 {
		parts = []string{"Everything is in order"}
	}
	fmt.Fprintf(&b, "\n%s.\n", strings.Join(parts, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}
