package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"holdfast/configs"
	"holdfast/internal/config"
)

// confTarget is the configuration that add, import and remove change.
type confTarget struct {
	opts config.Options
	// missing says that there is no main file yet.
	missing bool
	// running says that a Holdfast runs that reads it, other is the file that it reads instead.
	running bool
	other   string
}

// confFile is one file of conf.d; without a text it is to be removed.
type confFile struct {
	name string
	text []byte
}

// confTarget is the configuration of this name, or the one that the running Holdfast of this name reads
// when nobody asked for a certain one.
func (c *console) confTarget(ctx context.Context) (confTarget, error) {
	id, err := c.identity()
	if err != nil {
		return confTarget{}, err
	}
	t := confTarget{opts: c.configOptions(id, nil)}
	revision, other := c.running(ctx, t.opts.File)
	if other != "" && c.config == "" {
		t.opts.File, revision, other = other, 1, ""
	}
	t.running, t.other = revision > 0, other
	_, err = os.Stat(t.opts.File)
	t.missing = errors.Is(err, fs.ErrNotExist)
	return t, nil
}

// folder is conf.d.
func (t confTarget) folder() string { return filepath.Join(filepath.Dir(t.opts.File), "conf.d") }

func (t confTarget) path(f confFile) string { return filepath.Join(t.folder(), f.name) }

// load reads the configuration as it would be with files.
func (t confTarget) load(files []confFile) (*config.Snapshot, config.Problems) {
	opts := t.opts
	opts.Proposed = map[string][]byte{}
	for _, f := range files {
		opts.Proposed[f.name] = f.text
	}
	if t.missing {
		return config.Parse(opts.File, configs.Default(), opts)
	}
	return config.Load(opts)
}

// write makes the files, and the main file when there is none, all or none of them.
func (t confTarget) write(files []confFile) (err error) {
	var made []string
	defer func() {
		for _, name := range made {
			if err != nil {
				_ = os.Remove(name) // it is new, and stays out when another one cannot be written
			}
		}
	}()
	if err := os.MkdirAll(t.folder(), 0o755); err != nil { //nolint:gosec // what is secret is in files of its own
		return denied(err)
	}
	if t.missing {
		if err := writeNew(t.opts.File, configs.Default(), 0o644); err != nil {
			return err
		}
		made = append(made, t.opts.File)
	}
	info, err := os.Stat(t.opts.File)
	if err != nil {
		return denied(err)
	}
	mode := info.Mode().Perm() // who reads the one shall read the other
	for _, f := range files {
		if err := writeNew(t.path(f), f.text, mode); err != nil {
			return err
		}
		made = append(made, t.path(f))
	}
	return nil
}

// writeNew makes a file that is there as a whole or not at all, whatever happens, and never replaces
// one.
func writeNew(name string, text []byte, mode fs.FileMode) error {
	if hasFile(name) {
		return fmt.Errorf("%s is there already, and is not overwritten: move it away, or choose another name", name)
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".holdfast-*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no folder %s: make it, or choose another name", name, filepath.Dir(name))
	}
	if err != nil {
		return denied(err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // after a success there is another name for it, or none
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		// A link, unlike a rename, fails when somebody else was faster.
		if err = os.Link(tmp.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
			err = os.Rename(tmp.Name(), name) // a file system without links
		}
	}
	if err != nil {
		return denied(err)
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes names in a folder outlast a loss of power; Windows does so by itself.
func syncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(name) //nolint:gosec // where we have just written
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// denied says what to do about a missing right.
func denied(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	how := "run this as root or as the account that Holdfast runs as"
	if runtime.GOOS == "windows" {
		how = "run this in a console that was started as administrator"
	}
	return &exitError{exitDenied, fmt.Errorf("%w: %s", err, how)}
}

// notWritten shows the problems that keep a configuration from being written.
func (c *console) notWritten(problems config.Problems) error {
	if err := problems.Render(c.out, c.color()); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.out, "\n%s. Nothing was written.\n", problems.Summary()); err != nil {
		return err
	}
	return &exitError{exitInvalid, errors.New("")}
}

// warnings shows what is to be said of files that are about to be written, and nothing of others.
func (c *console) warnings(t confTarget, files []confFile, problems config.Problems) error {
	var own config.Problems
	for _, p := range problems {
		for _, f := range files {
			if p.File == t.path(f) {
				own = append(own, p)
			}
		}
	}
	return own.Render(c.err, false)
}
