package actions_test

import (
	"slices"
	"testing"

	"holdfast/installer/msi/actions"
)

// Every restriction names a standard action and both sides agree with the order of the sections.
func TestStandardActions(t *testing.T) {
	names := actions.Names()
	if len(names) < 70 || !slices.IsSorted(slices.Clone(names)) && len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("%d names: %q", len(names), names)
	}
	for _, name := range names {
		s, ok := actions.Find(name)
		if !ok || s.Name != name || s.Does == "" || s.From < actions.Search || s.To < s.From {
			t.Errorf("%s: %+v", name, s)
		}
		for _, other := range s.After {
			o, ok := actions.Find(other)
			if !ok || o.From > s.To || slices.Contains(o.After, name) || slices.Contains(s.Before, other) {
				t.Errorf("%s after %s: %+v", name, other, o)
			}
		}
		for _, other := range s.Before {
			o, ok := actions.Find(other)
			if !ok || o.To < s.From || slices.Contains(o.Before, name) {
				t.Errorf("%s before %s: %+v", name, other, o)
			}
		}
	}
	if s, ok := actions.Find("HfGuard"); ok {
		t.Errorf("HfGuard is a standard action: %+v", s)
	}
	files, _ := actions.Find("InstallFiles")
	if !files.Script || files.From != actions.Execution || !slices.Contains(files.After, "RemoveFiles") {
		t.Errorf("InstallFiles: %+v", files)
	}
	related, _ := actions.Find("FindRelatedProducts")
	if related.Script || related.From != actions.Search || related.To != actions.Selection {
		t.Errorf("FindRelatedProducts: %+v", related)
	}
}

func TestTypes(t *testing.T) {
	tests := []struct {
		number   actions.Type
		valid    bool
		kind     actions.Type
		schedule string
		source   string
	}{
		{3074, true, actions.ExeInBinary, "deferred", "Binary"},
		{3330, true, actions.ExeInBinary, "rollback", "Binary"},
		{3586, true, actions.ExeInBinary, "commit", "Binary"},
		{51, true, actions.SetProperty, "immediate", ""},
		{51 + 256, true, actions.SetProperty, "immediate", ""},
		{19, true, actions.Error, "immediate", ""},
		{35, true, actions.SetDirectory, "immediate", "Directory"},
		{18 + 3072, true, 18, "deferred", "File"},
		{2 + 0xc0, true, 2, "immediate", "Binary"},
		{6 + 0x1000, true, 6, "immediate", "Binary"},
		{2 + 0x1000, false, 2, "immediate", "Binary"},
		{1027, false, 3, "deferred", ""},
		{51 + 1024, false, 51, "deferred", ""},
		{2 + 1024 + 256 + 512, false, 2, "rollback", "Binary"},
		{2 + 1280 + 128, false, 2, "rollback", "Binary"},
		{6 + 128, false, 6, "immediate", "Binary"},
		{7 + 128, false, 7, "immediate", ""},
		{0, false, 0, "immediate", ""},
		{-1, false, 63, "rollback", ""},
		{2 + 0x8000, false, 2, "immediate", "Binary"},
	}
	for _, test := range tests {
		n := test.number
		if n.Valid() != test.valid || n.Kind() != test.kind || n.Schedule() != test.schedule || n.Source() != test.source {
			t.Errorf("%d: valid %v, kind %d, %s, source %q", n, n.Valid(), n.Kind(), n.Schedule(), n.Source())
		}
	}
}
