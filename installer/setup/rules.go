package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"holdfast/internal/service"
)

// applyFirewall makes the rule, or takes it away, as HF_FIREWALL says. A machine whose firewall is off
// is no reason to fail.
func (s *setup) applyFirewall(ctx context.Context, t *transaction, h home) error {
	err := s.changeRules(ctx, t, h)
	if errors.Is(err, service.ErrNoFirewall) {
		s.warn("HF_FIREWALL: " + err.Error() + "; no rule was changed")
		return nil
	}
	if err != nil {
		return fmt.Errorf("HF_FIREWALL: %w", err)
	}
	return nil
}

// changeRules leaves a rule that is wanted as it is: an administrator may have narrowed it.
func (s *setup) changeRules(ctx context.Context, t *transaction, h home) error {
	rules, err := s.ownRules()
	if err != nil {
		return err
	}
	wanted := service.FirewallRule{Name: s.id.FirewallRule(), Program: s.program(), Enabled: true}
	found := false
	for _, r := range rules {
		switch mine := s.open && strings.EqualFold(r.Program, wanted.Program); {
		case !mine:
			err = s.disableRule(ctx, t, h, r)
		case !r.Enabled:
			if err = s.will(t, h, change{Kind: enabledRule, Rule: r}); err == nil {
				err = s.firewall.SetEnabled(ctx, r, true)
			}
			found = true
		default:
			found = true
		}
		if err != nil {
			return err
		}
	}
	if found || !s.open {
		return nil
	}
	if err := s.will(t, h, change{Kind: addedRule, Rule: wanted}); err != nil {
		return err
	}
	s.log.info("open the firewall", "program", wanted.Program)
	return s.firewall.Add(ctx, wanted)
}

// ownRules are the firewall rules of our name and of a program like ours, wherever it is or was.
func (s *setup) ownRules() ([]service.FirewallRule, error) {
	rules, err := s.firewall.Rules(s.id.FirewallRule())
	var own []service.FirewallRule
	for _, r := range rules {
		if strings.EqualFold(base(r.Program), programName) {
			own = append(own, r)
		}
	}
	return own, err
}

// disableRule takes a rule out of use; commit removes it, so that until then it can come back as it was.
func (s *setup) disableRule(ctx context.Context, t *transaction, h home, r service.FirewallRule) error {
	if err := s.will(t, h, change{Kind: disabledRule, Rule: r}); err != nil {
		return err
	}
	s.log.info("close the firewall", "program", r.Program)
	if !r.Enabled {
		return nil
	}
	return s.firewall.SetEnabled(ctx, r, false)
}

// closeFirewall disables every rule of ours. Without a transaction there is no commit that would know
// of them: then they are removed at once.
func (s *setup) closeFirewall(ctx context.Context, t *transaction, h home) error {
	rules, err := s.ownRules()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range rules {
		if t == nil {
			err = s.firewall.Remove(ctx, r)
		} else {
			err = s.disableRule(ctx, t, h, r)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// undoRule puts a rule back. Where no firewall runs, none was changed.
func (s *setup) undoRule(ctx context.Context, c change) error {
	var err error
	switch c.Kind {
	case addedRule:
		err = s.removeRule(ctx, c.Rule)
	case enabledRule:
		err = s.firewall.SetEnabled(ctx, c.Rule, false)
	case disabledRule:
		if c.Rule.Enabled {
			err = s.firewall.SetEnabled(ctx, c.Rule, true)
		}
	}
	if errors.Is(err, service.ErrNoFirewall) {
		return nil
	}
	return err
}

// removeRule removes a rule that may be gone.
func (s *setup) removeRule(ctx context.Context, r service.FirewallRule) error {
	rules, err := s.ownRules()
	if err != nil {
		return err
	}
	for _, there := range rules {
		if strings.EqualFold(there.Program, r.Program) {
			return s.firewall.Remove(ctx, r)
		}
	}
	return nil
}
