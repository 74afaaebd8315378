package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSow(t *testing.T) {
	const t1, t2, own, edited = "template 1", "template 2", "of HF_CONFIG", "edited"
	text := func(b []byte) string {
		if b == nil {
			return "-"
		}
		return string(b)
	}
	seeded := func(from string, template bool) *seedState {
		return &seedState{Name: "Shop", Seeded: hash([]byte(from)), FromTemplate: template, Template: hash([]byte(t1))}
	}
	tests := []struct {
		name, current, template, given string // "" for none
		before                         *seedState
		config, fresh, old             string // "-" for not written
		seeded                         string
		fromTemplate                   bool
	}{
		{name: "fresh machine", template: t1, config: t1, fresh: "-", old: "-", seeded: t1, fromTemplate: true},
		{name: "fresh machine, HF_CONFIG", template: t1, given: own, config: own, fresh: "-", old: "-", seeded: own},
		{name: "repair", current: t1, template: t1, before: seeded(t1, true), config: "-", fresh: "-", old: "-", seeded: t1, fromTemplate: true},
		{name: "upgrade, untouched", current: t1, template: t2, before: seeded(t1, true), config: t2, fresh: "-", old: t1, seeded: t2, fromTemplate: true},
		{name: "upgrade, edited", current: edited, template: t2, before: seeded(t1, true), config: "-", fresh: t2, old: "-", seeded: t1, fromTemplate: true},
		{name: "upgrade, edited, same template", current: edited, template: t1, before: seeded(t1, true), config: "-", fresh: "-", old: "-", seeded: t1, fromTemplate: true},
		{name: "upgrade, HF_CONFIG's, untouched", current: own, template: t2, before: seeded(own, false), config: "-", fresh: t2, old: "-", seeded: own},
		{name: "upgrade, edited to the new template", current: t2, template: t2, before: seeded(t1, true), config: "-", fresh: "-", old: "-", seeded: t1, fromTemplate: true},
		{name: "upgrade, removed", template: t2, before: seeded(t1, true), config: t2, fresh: "-", old: "-", seeded: t2, fromTemplate: true},
		{name: "nobody remembers", current: edited, template: t1, config: "-", fresh: "-", old: "-"},
		{name: "another product's memory", current: t1, template: t2, before: &seedState{Name: "Other", Seeded: hash([]byte(t1)), FromTemplate: true}, config: "-", fresh: "-", old: "-"},
		{name: "an empty file is a file", current: "empty", template: t1, config: "-", fresh: "-", old: "-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var current, given []byte
			switch tt.current {
			case "":
			case "empty":
				current = []byte{}
			default:
				current = []byte(tt.current)
			}
			if tt.given != "" {
				given = []byte(tt.given)
			}
			got := sow("Shop", current, tt.before, []byte(tt.template), given)
			if d := cmp.Diff([]string{tt.config, tt.fresh, tt.old}, []string{text(got.config), text(got.fresh), text(got.old)}); d != "" {
				t.Errorf("config, new, old (-want +got):\n%s", d)
			}
			want := seedState{Name: "Shop", FromTemplate: tt.fromTemplate, Template: hash([]byte(tt.template))}
			if tt.seeded != "" {
				want.Seeded = hash([]byte(tt.seeded))
			}
			if d := cmp.Diff(want, got.state); d != "" {
				t.Errorf("state (-want +got):\n%s", d)
			}
			// The same again changes nothing.
			if got.config != nil {
				current = got.config
			}
			if again := sow("Shop", current, &got.state, []byte(tt.template), given); again.config != nil || again.fresh != nil || again.old != nil || again.state != got.state {
				t.Errorf("a second time: %+v", again)
			}
		})
	}
}
