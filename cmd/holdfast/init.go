package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/configs"
	"holdfast/internal/config"
	"holdfast/internal/migrate"
)

// initFlags are what `holdfast init` takes besides the name.
type initFlags struct {
	template, directory string
	example             bool
}

func newInitCommand(c *console) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init --template node|python|java|dotnet|go [NAME]",
		Short: "Begin a configuration for a program of a certain kind",
		Long: `Writes a commented holdfast.yaml for a program of that kind into its folder: how servers of this kind
get their port, how they are asked to end on this system, probes, limits and logs. When there is a
holdfast.yaml already, conf.d/NAME.yaml beside it is written instead. Nothing is ever overwritten.

NAME is the app's name; without it, the name of the folder. With --example a tiny program that the
configuration runs is written, too, when the folder is empty. It needs no packages.`,
		Example: `  holdfast init --template node
  holdfast init --template python --directory ./hello --example
  holdfast init --template java api --directory /srv/api
  holdfast init --template dotnet --config /etc/holdfast/holdfast.yaml --directory /srv/shop`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			return c.initApp(args, f)
		},
	}
	cmd.Flags().StringVar(&f.template, "template", "", "kind of program: node, python, java, dotnet or go (required)")
	cmd.Flags().StringVar(&f.directory, "directory", ".", "folder of the program")
	cmd.Flags().BoolVar(&f.example, "example", false, "write a tiny program, too, into an empty folder")
	_ = cmd.MarkFlagDirname("directory") // fails only for an unknown flag
	_ = cmd.RegisterFlagCompletionFunc("template", cobra.FixedCompletions(configs.TemplateKinds(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// initApp is `holdfast init`.
func (c *console) initApp(args []string, f initFlags) error {
	if f.template == "" {
		return &exitError{exitUsage, errors.New("say of what kind the program is: --template " + strings.Join(configs.TemplateKinds(), "|"))}
	}
	template, err := configs.TemplateOf(f.template)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	folder, err := filepath.Abs(f.directory)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--directory %s: %w", f.directory, err)}
	}
	name := cmp.Or(migrate.Name(filepath.Base(folder)), "app")
	if len(args) == 1 {
		name = args[0]
	}
	if good := migrate.Name(name); good != name {
		return &exitError{exitUsage, fmt.Errorf("%q cannot be the name of an app; write %q: lower-case letters, digits, - and _", name, cmp.Or(good, "app"))}
	}
	if f.example {
		if err := emptyFolder(folder); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	t, err := c.initTarget(folder)
	if err != nil {
		return err
	}
	filled := template.Fill(words(t, folder, name, f.example))
	return c.initWrite(t, name, folder, filled, f)
}

// initTarget is the configuration file in the program's folder, or the one that --config names.
func (c *console) initTarget(folder string) (confTarget, error) {
	id, err := c.identity()
	if err != nil {
		return confTarget{}, err
	}
	t := confTarget{opts: c.configOptions(id, nil)}
	if c.config == "" {
		t.opts.File = filepath.Join(folder, "holdfast.yaml")
	}
	t.missing = !hasFile(t.opts.File)
	return t, nil
}

// words are what stands for the words of a template.
func words(t confTarget, folder, name string, example bool) map[string]string {
	from := t.folder()
	if t.missing {
		from = filepath.Dir(t.opts.File)
	}
	rel := relative(from, folder)
	program := filepath.Join(rel, goProgram())
	if rel == "." {
		program = "." + string(filepath.Separator) + program // with a folder, so that PATH is not searched
	}
	w := map[string]string{
		"APP_NAME": name, "APP_DIRECTORY": yamlPath(rel), "ASSEMBLY": name, "GO_PROGRAM": yamlPath(program),
		"STOP_METHOD": string(config.DefaultApp().Stop.Method), "PYTHON_PROGRAM": "python3", "RUN_WHAT": "-jar, app.jar",
	}
	w["ROUTE_MATCH"] = "# match: {host: " + dashed(name) + ".example.com}"
	if !t.missing { // beside other routes it needs one of its own
		w["ROUTE_MATCH"] = "match: {host: " + dashed(name) + ".localhost}    # write the real host name"
	}
	if example {
		w["RUN_WHAT"] = "Main.java"
	}
	if runtime.GOOS == "windows" {
		w["PYTHON_PROGRAM"] = "python"
	}
	return w
}

// goProgram is what the template of Go calls the built program.
func goProgram() string {
	if runtime.GOOS == "windows" {
		return "app.exe"
	}
	return "app"
}

// relative is how a file in from names folder: what is elsewhere by its whole path.
func relative(from, folder string) string {
	rel, err := filepath.Rel(from, folder)
	if err != nil || strings.Count(rel, "..") > 1 {
		return folder
	}
	return rel
}

// yamlPath quotes a path that needs it.
func yamlPath(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", "''") + "'"
}

// emptyFolder wants a folder without files, or none.
func emptyFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("--example: the folder %s is not empty: leave --example out, or name another --directory", folder)
	}
	return nil
}

func (c *console) initWrite(t confTarget, name, folder string, filled configs.Template, f initFlags) error {
	first := fmt.Sprintf("%sinit --template %s\". Edit it as you like: saving it applies it.\n", marker, f.template)
	if !t.missing {
		first += "# To take the app away again: holdfast remove " + name + "\n"
	}
	text := []byte(first + filled.Config)
	file := confFile{name: name + ".yaml", text: text}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // a folder of programs
		return denied(err)
	}
	at := t.opts.File
	var problems config.Problems
	if t.missing {
		_, problems = config.Parse(at, text, t.opts)
	} else {
		at = t.path(file)
		now, before := t.load(nil)
		if now == nil {
			return c.notWritten(before)
		}
		if _, ok := now.Config.Apps[name]; ok || hasFile(at) {
			return &exitError{exitFailed, fmt.Errorf("app %q is there already, and is not overwritten: choose another name", name)}
		}
		_, problems = t.load([]confFile{file})
	}
	if problems.Errors() > 0 {
		return c.notWritten(problems)
	}
	if err := problems.Render(c.err, false); err != nil {
		return err
	}
	if f.example {
		for _, name := range slices.Sorted(maps.Keys(filled.Example)) {
			if err := writeNew(filepath.Join(folder, name), []byte(filled.Example[name]), 0o644); err != nil {
				return err
			}
			c.say("Wrote %s.\n", filepath.Join(folder, name))
		}
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // as above
		return denied(err)
	}
	if err := writeNew(at, text, 0o644); err != nil {
		return err
	}
	c.say("Wrote %s: app %q.\n", at, name)
	build := map[string]string{
		"go":     "build the program: go build -o " + goProgram() + " .",
		"dotnet": "build the program: dotnet publish -c Release -o publish",
		"java":   "put the program where the file says",
	}[f.template]
	if f.template == "java" && f.example {
		build = ""
	}
	if build != "" {
		c.say("First, in %s, %s\n", folder, build)
	}
	c.say("Next: %s\n", c.command("run --config "+shellWord(t.opts.File)))
	return nil
}
