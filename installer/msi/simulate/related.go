package simulate

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/msi"
)

// Bits of Upgrade.Attributes (learn.microsoft.com/windows/win32/msi/upgrade-table).
const (
	onlyDetect         = 0x002
	ignoreFailure      = 0x004
	minInclusive       = 0x100
	maxInclusive       = 0x200
	languagesExclusive = 0x400
)

// findRelated puts the codes of installed products into the properties of the Upgrade table.
func (s *session) findRelated(step *Step) error {
	t := s.db.Table("Upgrade")
	if t == nil {
		return nil
	}
	for _, r := range t.Rows {
		name := t.Text(r, "ActionProperty")
		found := 0
		for _, p := range s.machine.products {
			ok, err := matches(t, r, p)
			if err != nil {
				return fmt.Errorf("table Upgrade, property %s: %w", name, err)
			}
			if !ok || p.code == s.properties.get("ProductCode") {
				continue
			}
			found++
			codes := append(split(s.properties.get(name), ";"), p.code)
			s.properties.set(name, strings.Join(codes, ";"), "found (version "+p.version+")")
			step.Details = append(step.Details, fmt.Sprintf("%s = %s: version %s, %s", name, p.code, p.version, s.span(t, r)))
		}
		if found == 0 {
			step.Details = append(step.Details, fmt.Sprintf("%s stays empty: no version %s", name, s.span(t, r)))
		}
	}
	return nil
}

// matches tells whether a product is in the range of a row.
func matches(t *msi.Table, r msi.Row, p product) (bool, error) {
	if !strings.EqualFold(t.Text(r, "UpgradeCode"), p.upgrade) {
		return false, nil
	}
	attributes, _ := t.Int(r, "Attributes")
	low, high := t.Text(r, "VersionMin"), t.Text(r, "VersionMax")
	if low != "" {
		order, err := compareVersions(p.version, low)
		if err != nil || order < 0 || order == 0 && attributes&minInclusive == 0 {
			return false, err
		}
	}
	if high != "" {
		order, err := compareVersions(p.version, high)
		if err != nil || order > 0 || order == 0 && attributes&maxInclusive == 0 {
			return false, err
		}
	}
	languages := split(t.Text(r, "Language"), ",")
	if len(languages) == 0 {
		return true, nil
	}
	return slices.Contains(languages, p.language) != (attributes&languagesExclusive != 0), nil
}

// span says which versions a row means.
func (s *session) span(t *msi.Table, r msi.Row) string {
	attributes, _ := t.Int(r, "Attributes")
	var parts []string
	if low := t.Text(r, "VersionMin"); low != "" {
		parts = append(parts, map[bool]string{true: "from ", false: "above "}[attributes&minInclusive != 0]+low)
	}
	if high := t.Text(r, "VersionMax"); high != "" {
		parts = append(parts, map[bool]string{true: "up to ", false: "below "}[attributes&maxInclusive != 0]+high)
	}
	if attributes&onlyDetect != 0 {
		parts = append(parts, "(only detected)")
	}
	return strings.Join(parts, " ")
}

// removeExisting removes the products that were found, each in an installation of its own. Inside of
// the transaction it shares it, so that a later failure brings the old product back
// (learn.microsoft.com/windows/win32/msi/removeexistingproducts-action).
func (s *session) removeExisting(step *Step) error {
	if len(s.tx.pending) > 0 {
		first := s.tx.pending[0]
		return &failure{fatal, fmt.Sprintf("error 2613: RemoveExistingProducts is sequenced incorrectly: %s stands before it in the script and has not been carried out; put InstallExecute between them", first.action)}
	}
	t := s.db.Table("Upgrade")
	if t == nil {
		return nil
	}
	removed := 0
	for _, r := range t.Rows {
		if attributes, _ := t.Int(r, "Attributes"); attributes&onlyDetect != 0 {
			continue
		}
		for _, code := range split(s.properties.get(t.Text(r, "ActionProperty")), ";") {
			p := s.machine.find(code)
			if p == nil {
				continue
			}
			removed++
			if err := s.removeProduct(step, *p, t, r); err != nil {
				return err
			}
		}
	}
	if removed == 0 {
		step.Details = []string{"no product to remove"}
	}
	return nil
}

func (s *session) removeProduct(step *Step, p product, t *msi.Table, r msi.Row) error {
	what := "ALL"
	if features := t.Text(r, "Remove"); features != "" {
		what = s.expand(features)
	}
	nested := newSession(p.db, s.machine, Options{
		Scenario: Uninstall, UILevel: None, FailAt: s.nestedFail,
		Properties: map[string]string{"REMOVE": what, "UPGRADINGPRODUCTCODE": s.properties.get("ProductCode")},
	})
	nested.properties.origins["REMOVE"], nested.properties.origins["UPGRADINGPRODUCTCODE"] = fromWindows, fromWindows
	nested.label, nested.tx = p.version, s.tx
	inside := s.tx.owner != nil
	mark := len(s.tx.done)
	err := nested.install()
	step.Nested = append(step.Nested, nested.steps...)
	switch {
	case inside:
		step.Details = append(step.Details, fmt.Sprintf("removes version %s inside of the transaction: a failure brings it back", p.version))
	default:
		step.Details = append(step.Details, fmt.Sprintf("removes version %s outside of the transaction: a failure does not bring it back", p.version))
	}
	if err == nil {
		return nil
	}
	if attributes, _ := t.Int(r, "Attributes"); attributes&ignoreFailure == 0 {
		return err
	}
	if inside {
		s.tx.rollback(mark)
	}
	step.Details = append(step.Details, "the removal fails, which does not matter here")
	return nil
}
