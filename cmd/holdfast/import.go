package main

import (
	"bytes"
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

	"holdfast/internal/config"
	"holdfast/internal/migrate"
)

// importFlags are what `holdfast import` takes besides the tool and its files.
type importFlags struct {
	out, base, env string
	write          bool
	timeout        time.Duration
}

func newImportCommand(c *console) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import nssm|winsw|servy|pm2|web.config|supervisord|sentinel FILE...",
		Short: "Turn the files of another supervisor into Holdfast's configuration",
		Long: `Reads the files of another tool and prints the configuration that does the same, with a list of what
did not carry over, why, and what to do about it: on standard error, and as comments at the head. With
--write each app goes into a file of its own in conf.d instead, once the whole configuration with them
has been checked, and a running Holdfast is asked to read them. Nothing is ever overwritten, nothing of
the files is executed, and the other tool is not touched: stop it there before you start it here.

  nssm         a registry export: reg export HKLM\SYSTEM\CurrentControlSet\Services\NAME FILE.reg
  winsw        the XML file beside WinSW's program
  servy        a service exported from Servy, as XML or JSON
  pm2          ecosystem.config.js, .json or .yaml, or what "pm2 jlist" prints
  web.config   IIS with httpPlatform, aspNetCore or iisnode
  supervisord  supervisord.conf and what it includes
  sentinel     rules of flow control and circuit breakers, as JSON or YAML: a route for each resource

A resource of Sentinel's becomes a route with flow and circuit_breaker: "GET:/path" and "/path" match those
requests, any other name a host of that name. Who serves it is not in the rules and has to be written, or
the rules copied into the routes that are there; there is no --write for them.

FILE is - for standard input. Secrets are carried over and listed, with the advice where to put them.`,
		Example: `  holdfast import nssm shop.reg
  holdfast import pm2 ecosystem.config.js --env production --write
  holdfast import supervisord /etc/supervisor/supervisord.conf -o holdfast.yaml
  holdfast import sentinel flow-rules.json degrade-rules.json -o routes.yaml
  holdfast import web.config 'C:\inetpub\shop\web.config' --write
  pm2 jlist | holdfast import pm2 -`,
		Args: cobra.MinimumNArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			var tools []cobra.Completion
			for _, t := range migrate.Tools() {
				tools = append(tools, cobra.Completion(t))
			}
			return tools, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.importFiles(cmd.Context(), migrate.Tool(strings.ToLower(args[0])), args[1:], f)
		},
	}
	flags := cmd.Flags()
	// Here -o is a file, as in other converters, and not the form of the output.
	flags.StringVarP(&f.out, "output", "o", "", "write the configuration to this new file")
	flags.BoolVar(&f.write, "write", false, "write each app to a new file in conf.d, and start it")
	flags.StringVar(&f.base, "base", "", "folder in which the files were on the machine they are for (default: the folder they are in)")
	flags.StringVar(&f.env, "env", "", "pm2: take env_NAME in addition to env")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "with --write: how long to wait until the apps are ready")
	cmd.MarkFlagsMutuallyExclusive("output", "write")
	return cmd
}

func (c *console) importFiles(ctx context.Context, tool migrate.Tool, names []string, f importFlags) error {
	if !slices.Contains(migrate.Tools(), tool) {
		return &exitError{exitUsage, fmt.Errorf("there is no tool %q to import from; write nssm, winsw, servy, pm2, web.config, supervisord or sentinel", tool)}
	}
	var files []migrate.File
	for _, name := range names {
		file, err := c.importFile(name, f.base)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	r, err := migrate.Read(tool, files, migrate.Options{Environment: f.env, Include: included})
	if err != nil {
		return err
	}
	if f.write && tool == migrate.Sentinel {
		return &exitError{exitUsage, errors.New("rules say nothing of who serves their requests, so they cannot be installed as they are; without --write they are printed")}
	}
	if f.write {
		return c.importWrite(ctx, r, f)
	}
	text, err := r.YAML(fmt.Sprintf("Written by \"holdfast import %s\" from %s.", tool, strings.Join(r.Files, ", ")))
	if err != nil {
		return err
	}
	if err := r.Report(c.err); err != nil {
		return err
	}
	if err := c.importCheck(tool, text); err != nil {
		return err
	}
	if err := c.importHere(tool, files, f.base, text); err != nil {
		return err
	}
	if f.out == "" {
		_, err = c.out.Write(text)
		return err
	}
	if err := writeNew(f.out, text, 0o600); err != nil {
		return err
	}
	c.say("Wrote %s.\nNext: %s\n", f.out, c.command("check "+shellWord(f.out)))
	return nil
}

// importCheck shows what Holdfast would say of a configuration that may be for another machine.
func (c *console) importCheck(tool migrate.Tool, text []byte) error {
	system := tool.System()
	if system == "" {
		system = runtime.GOOS
	}
	problems := config.Check("the imported configuration", text, config.Options{Elsewhere: system, Environ: os.Environ()})
	if len(problems) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(c.err, "\nHoldfast says of the result:"); err != nil {
		return err
	}
	return problems.Render(c.err, false)
}

// importHere tells of folders of this machine in a configuration for one of another system.
func (c *console) importHere(tool migrate.Tool, files []migrate.File, base string, text []byte) error {
	system := tool.System()
	if base != "" || system == "" || system == runtime.GOOS {
		return nil
	}
	for _, file := range files {
		if !bytes.Contains(text, []byte(file.Folder)) {
			continue
		}
		_, err := fmt.Fprintf(c.err, "\nThe result names %s, the folder of %s on this machine: --base says where it is on the other one.\n", file.Folder, file.Name)
		return err
	}
	return nil
}

func (c *console) importWrite(ctx context.Context, r *migrate.Result, f importFlags) error {
	t, err := c.confTarget(ctx)
	if err != nil {
		return err
	}
	var files []confFile
	for _, name := range r.Apps() {
		text, err := r.Part(name, head("import "+string(r.Tool), name, strings.Join(r.Files, ", ")))
		if err != nil {
			return err
		}
		files = append(files, confFile{name: name + ".yaml", text: text})
	}
	now, problems := t.load(nil)
	if now == nil {
		return c.notWritten(problems)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.name, ".yaml")
		if _, ok := now.Config.Apps[name]; ok || hasFile(t.path(file)) {
			return &exitError{exitFailed, fmt.Errorf("app %q is there already, and is not overwritten; nothing was written: begin with %s, or import without --write", name, c.command("remove "+name))}
		}
	}
	if err := r.Report(c.err); err != nil {
		return err
	}
	snapshot, problems := t.load(files)
	if snapshot == nil {
		return c.notWritten(problems)
	}
	if err := c.warnings(t, files, problems); err != nil {
		return err
	}
	return c.install(ctx, t, snapshot, files, installed{apps: r.Apps(), wait: true, timeout: f.timeout})
}

// importFile reads a file, or standard input, which counts as a file of the present folder.
func (c *console) importFile(name, base string) (migrate.File, error) {
	const most = 16<<20 + 1
	var data []byte
	var err error
	file := migrate.File{Name: filepath.Base(name)}
	if name == "-" {
		file.Name = "standard input"
		data, err = io.ReadAll(io.LimitReader(c.in, most))
		name = "."
	} else {
		data, err = config.ReadBounded(name, most)
	}
	if err != nil {
		return file, fmt.Errorf("%s: %w", file.Name, plainCause(err))
	}
	file.Data = data
	file.Folder = base
	if base == "" {
		if file.Folder, err = filepath.Abs(filepath.Dir(name)); err != nil {
			return file, err
		}
	}
	return file, nil
}

// plainCause is an error without the path that is told anyway.
func plainCause(err error) error {
	var cause *os.PathError
	if errors.As(err, &cause) {
		return cause.Err
	}
	return err
}

// included finds the files that supervisord's [include] names.
func included(folder, pattern string) ([]migrate.File, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(folder, pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var files []migrate.File
	for _, name := range names {
		data, err := config.ReadBounded(name, 1<<20)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, plainCause(err))
		}
		files = append(files, migrate.File{Name: name, Data: data, Folder: filepath.Dir(name)})
	}
	return files, nil
}
