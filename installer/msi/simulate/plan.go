package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/msi"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

// The states of features and components.
const (
	unknown = -1
	absent  = 2
	local   = 3
)

// Bits of Component.Attributes.
const (
	permanent  = 0x10
	transitive = 0x40
	wide       = 0x100 // 64-bit
)

// state is what a feature or component is and what happens to it.
type state struct{ installed, action int }

// plan is what CostFinalize decides. A nil plan knows nothing.
type plan struct {
	features, components map[string]state
	folders              map[string]string
}

func (p *plan) symbol(y condition.Symbol) string {
	if p == nil {
		return ""
	}
	states := p.features
	if y.Kind == condition.ComponentAction || y.Kind == condition.ComponentState {
		states = p.components
	}
	found, ok := states[y.Name]
	switch {
	case !ok:
		return ""
	case y.Kind == condition.ComponentState || y.Kind == condition.FeatureState:
		return strconv.Itoa(found.installed)
	default:
		return strconv.Itoa(found.action)
	}
}

// path is where a file or the folder of a component is.
func (p *plan) path(db *msi.Database, r formatted.Reference) string {
	if p == nil {
		return ""
	}
	components := db.Table("Component")
	if r.Kind == formatted.Component {
		if p.components[r.Name].action != local {
			return ""
		}
		return p.folders[components.Text(components.Find(r.Name), "Directory_")]
	}
	files := db.Table("File")
	file := files.Find(r.Name)
	if file == nil {
		return ""
	}
	component := components.Find(files.Text(file, "Component_"))
	return p.folders[components.Text(component, "Directory_")] + long(files.Text(file, "FileName"))
}

// long is the long name of "SHORT~1.TXT|Long name.txt".
func long(name string) string {
	if short, name, ok := strings.Cut(name, "|"); ok && short != "" {
		return name
	}
	return name
}

// makePlan selects features and components and resolves the folders, which become properties.
func (s *session) makePlan() error {
	p := &plan{map[string]state{}, map[string]state{}, map[string]string{}}
	if err := s.selectFeatures(p); err != nil {
		return err
	}
	if err := s.selectComponents(p); err != nil {
		return err
	}
	if err := s.resolveFolders(p); err != nil {
		return err
	}
	s.plan = p
	return nil
}

// selectFeatures: without any choice everything up to INSTALLLEVEL is installed; an installed product
// stays as it is unless REMOVE, REINSTALL or ADDLOCAL names a feature.
func (s *session) selectFeatures(p *plan) error {
	t := s.db.Table("Feature")
	if t == nil {
		return nil
	}
	highest, err := strconv.Atoi(s.properties.get("INSTALLLEVEL"))
	if err != nil {
		highest = 1
	}
	chosen := s.properties.get("ADDLOCAL")+s.properties.get("REINSTALL") != ""
	for _, r := range t.Rows {
		name := t.Text(r, "Feature")
		level, err := s.level(t, r)
		if err != nil {
			return err
		}
		wanted := level > 0 && level <= highest
		st := state{absent, unknown}
		if s.installed && wanted {
			st.installed = local
		}
		switch {
		case s.installed && s.listed("REMOVE", name):
			st.action = absent
		case s.installed && s.listed("REINSTALL", name) && st.installed == local, level > 0 && s.listed("ADDLOCAL", name):
			st.action = local
		case !s.installed && !chosen && wanted:
			st.action = local
		}
		p.features[name] = st
	}
	return nil
}

// level is that of a feature, or what a condition makes of it.
func (s *session) level(t *msi.Table, r msi.Row) (int, error) {
	level, _ := t.Int(r, "Level")
	conditions := s.db.Table("Condition")
	if conditions == nil {
		return level, nil
	}
	for _, c := range conditions.Rows {
		if conditions.Text(c, "Feature_") != t.Text(r, "Feature") {
			continue
		}
		parsed, err := condition.Parse(conditions.Text(c, "Condition"))
		if err != nil {
			return 0, fmt.Errorf("table Condition, row %s: %w", conditions.Key(c), err)
		}
		if parsed.Holds(s.symbol) {
			level, _ = conditions.Int(c, "Level")
		}
	}
	return level, nil
}

func (s *session) listed(property, feature string) bool {
	list := split(s.properties.get(property), ",")
	return slices.Contains(list, feature) || slices.Contains(list, "ALL")
}

func (s *session) selectComponents(p *plan) error {
	t, links := s.db.Table("Component"), s.db.Table("FeatureComponents")
	if t == nil || links == nil {
		return nil
	}
	for _, r := range t.Rows {
		name := t.Text(r, "Component")
		c, err := condition.Parse(t.Text(r, "Condition"))
		if err != nil {
			return fmt.Errorf("table Component, row %s: %w", name, err)
		}
		attributes, _ := t.Int(r, "Attributes")
		st := state{absent, unknown}
		some, kept := false, false
		for _, link := range links.Rows {
			if links.Text(link, "Component_") != name {
				continue
			}
			f := p.features[links.Text(link, "Feature_")]
			if f.installed == local {
				st.installed = local
			}
			some = some || f.action == local
			kept = kept || f.installed == local && f.action != absent
		}
		enabled := c.Holds(s.symbol) || st.installed == local && attributes&transitive == 0
		switch {
		case some && enabled:
			st.action = local
		case st.installed == local && !kept && attributes&permanent == 0:
			st.action = absent
		}
		p.components[name] = st
	}
	return nil
}

// resolveFolders gives every directory its path: a property of its name, or its place below its
// parent (learn.microsoft.com/windows/win32/msi/directory-table).
func (s *session) resolveFolders(p *plan) error {
	t := s.db.Table("Directory")
	if t == nil {
		return nil
	}
	for _, r := range t.Rows {
		if _, err := s.folder(t, t.Text(r, "Directory"), p, 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) folder(t *msi.Table, name string, p *plan, depth int) (string, error) {
	if path, ok := p.folders[name]; ok {
		return path, nil
	}
	r := t.Find(name)
	if r == nil || depth > len(t.Rows) {
		return "", fmt.Errorf("table Directory: %s has no root", name)
	}
	path, parent := s.properties.get(name), t.Text(r, "Directory_Parent")
	if path == "" {
		if parent == "" || parent == name {
			path = s.properties.get("ROOTDRIVE")
		} else {
			above, err := s.folder(t, parent, p, depth+1)
			if err != nil {
				return "", err
			}
			target, _, _ := strings.Cut(t.Text(r, "DefaultDir"), ":")
			path = above
			if sub := long(target); sub != "." {
				path += sub
			}
		}
		s.properties.set(name, path, "default (Directory table)")
	}
	if !strings.HasSuffix(path, `\`) {
		path += `\`
	}
	s.properties.values[name] = path
	p.folders[name] = path
	return path, nil
}
