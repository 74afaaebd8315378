package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"holdfast/installer/guid"
)

const (
	confName     = "holdfast.yaml"
	newSuffix    = ".new"
	oldSuffix    = ".old"
	templateName = "holdfast.template.yaml"
	seedName     = "seed.json"
)

// seedState remembers what holdfast.yaml was written from, so that the next version can tell an edited
// one from its own.
type seedState struct {
	// Name is whose data folder this is.
	Name string `json:"name"`
	// Product is its upgrade code: somebody else's product may have the same name.
	Product guid.GUID `json:"product,omitempty"`
	// Seeded is the hash of what was written; empty when somebody else wrote the file. FromTemplate says
	// that it was the package's template and not HF_CONFIG.
	Seeded       string `json:"seeded,omitempty"`
	FromTemplate bool   `json:"from_template,omitempty"`
	// Template is the hash of the newest template that was seen.
	Template string `json:"template"`
}

// sown is what is to be written, each nil to be left as it is.
type sown struct {
	config, fresh, old []byte // holdfast.yaml, .new and .old
	state              seedState
}

// sow decides. current is holdfast.yaml and before what was remembered of it, nil when there is none;
// given is the file of HF_CONFIG, nil without one. Only a file that nobody has edited is ever replaced,
// and only the package's own template by a newer one.
func sow(name string, current []byte, before *seedState, template, given []byte) sown {
	next := sown{state: seedState{Name: name, Template: hash(template)}}
	if current == nil {
		next.config, next.state.FromTemplate = template, given == nil
		if given != nil {
			next.config = given
		}
		next.state.Seeded = hash(next.config)
		return next
	}
	if before == nil || !strings.EqualFold(before.Name, name) {
		return next // somebody's own: it was there before any template of ours
	}
	next.state.Seeded, next.state.FromTemplate = before.Seeded, before.FromTemplate
	switch {
	case hash(template) == before.Template, hash(template) == hash(current):
	case before.FromTemplate && before.Seeded == hash(current):
		next.config, next.old = template, current
		next.state.Seeded = hash(template)
	default:
		next.fresh = template
	}
	return next
}

// seed writes the configuration to begin with, or a newer template, and remembers what it wrote.
func (s *setup) seed(t *transaction, h home) error {
	template, err := s.disk.Read(join(s.install, templateName), confMax)
	if err != nil {
		return fmt.Errorf("configuration template %s: %w; repair the installation", join(s.install, templateName), err)
	}
	current, err := s.present(confName)
	if err != nil {
		return err
	}
	before, err := s.remembered()
	if err != nil {
		return err
	}
	var given []byte
	if s.config != "" && current == nil {
		if given, err = s.disk.Read(s.config, confMax); err != nil {
			return fmt.Errorf("HF_CONFIG: %s: %w", s.config, err)
		}
	}
	next := sow(s.id.Name, current, before, template, given)
	next.state.Product = s.product
	state, err := json.MarshalIndent(next.state, "", "\t")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{confName + oldSuffix, next.old}, {confName, next.config}, {confName + newSuffix, next.fresh}, {setupName + `\` + seedName, state},
	} {
		if f.data == nil {
			continue
		}
		if err := s.write(t, h, f.name, f.data); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
	}
	return nil
}

// present reads a file of the data folder; nil says that there is none.
func (s *setup) present(name string) ([]byte, error) {
	data, err := s.disk.Read(join(s.data, name), confMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// remembered is nil when nothing is, or when it is not as we wrote it.
func (s *setup) remembered() (*seedState, error) {
	data, err := s.present(setupName + `\` + seedName)
	if err != nil || data == nil {
		return nil, err
	}
	var state seedState
	if err := json.Unmarshal(data, &state); err != nil || state.Name == "" {
		s.log.warn("what was remembered of the configuration cannot be read", "error", textOf(err))
		return nil, nil
	}
	return &state, nil
}

// write replaces a file of the data folder, after it has noted what was there.
func (s *setup) write(t *transaction, h home, name string, data []byte) error {
	before, err := s.present(name)
	if err != nil {
		return err
	}
	if before != nil && hash(before) == hash(data) {
		return nil
	}
	if err := s.will(t, h, change{Kind: changedFile, File: &fileChange{Name: name, Existed: before != nil, Before: before, After: hash(data)}}); err != nil {
		return err
	}
	s.log.info("write", "file", join(s.data, name), "bytes", len(data))
	return s.disk.Write(join(s.data, name), data)
}
