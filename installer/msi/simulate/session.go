package simulate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/msi"
	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

const (
	uiSequence      = "InstallUISequence"
	executeSequence = "InstallExecuteSequence"
	nestedPrefix    = "RemoveExistingProducts/"
)

// session is one installation of one product; removing an older product is a session of its own.
type session struct {
	db         *msi.Database
	machine    *machine
	properties *properties
	given      map[string]string
	uiLevel    UILevel
	failAt     string
	nestedFail string
	label      string // version of a product that is being removed
	installed  bool   // this very product was there before
	table      string // the sequence that runs
	uiRan      map[string]bool
	plan       *plan // after CostFinalize
	tx         *transaction
	steps      []Step
	notes      []string
}

func newSession(db *msi.Database, m *machine, o Options) *session {
	s := &session{
		db: db, machine: m, uiLevel: o.UILevel, uiRan: map[string]bool{}, tx: &transaction{},
		given: map[string]string{}, installed: m.find(db.Property("ProductCode")) != nil,
	}
	maps.Copy(s.given, scenarioProperties(o.Scenario))
	maps.Copy(s.given, o.Properties)
	s.failAt = o.FailAt
	if nested, ok := strings.CutPrefix(o.FailAt, nestedPrefix); ok {
		s.failAt, s.nestedFail = "", nested
	}
	s.reset(func(p *properties) {
		for name, value := range scenarioProperties(o.Scenario) {
			p.set(name, value, fromScenario)
		}
		for name, value := range o.Properties {
			p.set(name, value, fromCommandLine)
		}
	})
	return s
}

func scenarioProperties(s Scenario) map[string]string {
	switch s {
	case Repair:
		return map[string]string{"REINSTALL": "ALL"}
	case Uninstall:
		return map[string]string{"REMOVE": "ALL"}
	case Install, Upgrade, Downgrade, Reconfigure, Rollback:
	}
	return nil
}

// reset begins with the properties of Windows and of the package, and those that add puts on top
// (learn.microsoft.com/windows/win32/msi/order-of-property-precedence).
func (s *session) reset(add func(*properties)) {
	p := newProperties()
	for name, value := range windowsProperties() {
		p.set(name, value, fromWindows)
	}
	p.set("UILevel", strconv.Itoa(int(s.uiLevel)), fromWindows)
	if strings.HasPrefix(s.db.Summary.Template, "x64") {
		p.set("Msix64", "6", fromWindows)
		p.set("MsiAMD64", "6", fromWindows)
	}
	if t := s.db.Table("Property"); t != nil {
		for _, r := range t.Rows {
			p.set(t.Text(r, "Property"), t.Text(r, "Value"), fromPackage)
		}
	}
	if s.installed {
		p.set("Installed", "00:00:00", fromWindows)
		p.set("ProductState", "5", fromWindows)
	} else {
		p.set("ProductState", "-1", fromWindows)
	}
	add(p)
	for _, name := range []string{"ADDLOCAL", "REMOVE", "ADDSOURCE", "ADDDEFAULT", "REINSTALL", "ADVERTISE"} {
		if p.get(name) != "" {
			p.set("Preselected", "1", fromWindows)
		}
	}
	p.hidden = split(p.get("MsiHiddenProperties"), ";")
	s.properties, s.plan = p, nil
}

func (s *session) secure() []string { return split(s.db.Property("SecureCustomProperties"), ";") }

// install runs the whole installation and, when it fails, the way back.
func (s *session) install() error {
	var err error
	if s.uiLevel >= Reduced && s.db.Table(uiSequence) != nil {
		err = s.sequence(uiSequence)
		s.farewell(err)
	} else {
		err = s.execute()
	}
	return err
}

// execute runs the execute sequence, as the service does.
func (s *session) execute() error {
	err := s.sequence(executeSequence)
	if err != nil && s.tx.owner == s {
		s.tx.rollback(0)
		s.tx.owner = nil
	}
	return err
}

// serve begins the execute sequence after the user interface: public properties alone go along.
func (s *session) serve() error {
	client := s.properties
	s.reset(func(p *properties) {
		for name, value := range client.values {
			if public(name) {
				p.set(name, value, client.origins[name])
			}
		}
	})
	table := s.table
	err := s.execute()
	s.table = table
	return err
}

// sequence runs the actions of a table in the order of their numbers.
func (s *session) sequence(table string) error {
	s.table = table
	t := s.db.Table(table)
	if t == nil {
		return fmt.Errorf("there is no table %s", table)
	}
	for _, r := range ordered(t) {
		if n, _ := t.Int(r, "Sequence"); n <= 0 {
			continue
		}
		if err := s.row(t, r); err != nil {
			return err
		}
	}
	return nil
}

func ordered(t *msi.Table) []msi.Row {
	return slices.SortedStableFunc(slices.Values(t.Rows), func(a, b msi.Row) int {
		x, _ := t.Int(a, "Sequence")
		y, _ := t.Int(b, "Sequence")
		return x - y
	})
}

// row runs one action and records it, also when it fails.
func (s *session) row(t *msi.Table, r msi.Row) error {
	n, _ := t.Int(r, "Sequence")
	step := Step{Table: t.Name, Sequence: n, Action: t.Text(r, "Action"), Condition: t.Text(r, "Condition"), Modelled: true}
	at := len(s.steps)
	s.steps = append(s.steps, step)
	err := s.run(&step)
	s.steps[at] = step
	return err
}

func (s *session) run(step *Step) error {
	kind, err := s.kind(step.Action)
	if err != nil {
		return fmt.Errorf("%s: %w", step.Table, err)
	}
	step.Kind = kind
	c, err := condition.Parse(step.Condition)
	if err != nil {
		return fmt.Errorf("%s, action %s: %w", step.Table, step.Action, err)
	}
	holds, facts := c.Decide(s.symbol)
	for i := range facts {
		facts[i].Value = s.properties.masked(facts[i].Value)
	}
	step.Facts = facts
	if !holds {
		return nil
	}
	switch kind {
	case Standard:
		err = s.standard(step)
	case Dialog:
		step.Ran = true
		step.Details = []string{"shows a dialog; the simulation goes on as if the user did, without changing anything"}
	case Immediate, Deferred, OnlyBack, OnlyEnd:
		err = s.custom(step)
	}
	if err == nil && step.Ran && step.Action == s.failAt && !s.tx.failedAt && (kind == Immediate || kind == Standard && !writesScript(step.Action)) {
		s.tx.failedAt = true
		return &failure{fatal, step.Action + " fails"}
	}
	return err
}

func writesScript(action string) bool {
	a, _ := actions.Find(action)
	return a.Script
}

// kind tells what an action is.
func (s *session) kind(action string) (Kind, error) {
	if _, ok := actions.Find(action); ok {
		return Standard, nil
	}
	if s.db.Table("Dialog").Find(action) != nil {
		return Dialog, nil
	}
	t := s.db.Table("CustomAction")
	r := t.Find(action)
	if r == nil {
		return "", fmt.Errorf("action %s is neither standard nor in CustomAction or Dialog", action)
	}
	n, _ := t.Int(r, "Type")
	return Kind(actions.Type(n).Schedule()), nil
}

// symbol gives conditions their values; states are known after CostFinalize.
func (s *session) symbol(y condition.Symbol) string {
	switch y.Kind {
	case condition.Property:
		return s.properties.get(y.Name)
	case condition.Environment:
		return s.machine.variable(y.Name)
	case condition.ComponentAction, condition.ComponentState, condition.FeatureAction, condition.FeatureState:
		return s.plan.symbol(y)
	}
	return ""
}

// expand resolves a Formatted text as of now.
func (s *session) expand(text string) string {
	return formatted.Expand(text, func(r formatted.Reference) string {
		switch r.Kind {
		case formatted.Property:
			return s.properties.get(r.Name)
		case formatted.Environment:
			return s.machine.variable(r.Name)
		case formatted.File, formatted.ShortFile, formatted.Component:
			return s.plan.path(s.db, r)
		}
		return ""
	})
}

// farewell shows the dialog for the end: -1 after success, -3 after a failure
// (learn.microsoft.com/windows/win32/msi/using-a-sequence-table).
func (s *session) farewell(err error) {
	end := -1
	if _, ok := errors.AsType[*failure](err); ok {
		end = -3
	} else if err != nil {
		return
	}
	t := s.db.Table(uiSequence)
	for _, r := range t.Rows {
		if n, _ := t.Int(r, "Sequence"); n == end {
			s.steps = append(s.steps, Step{Table: uiSequence, Sequence: n, Action: t.Text(r, "Action"), Kind: Dialog, Ran: true, Modelled: true})
		}
	}
}
