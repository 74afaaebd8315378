package service

import "testing"

// A machine without rules, as Wine's, is no error.
func TestNoRules(t *testing.T) {
	if rules, err := NewFirewall().Rules("HfTest HTTP"); err != nil || len(rules) > 0 {
		t.Errorf("got %+v, %v", rules, err)
	}
}
