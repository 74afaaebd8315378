package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"holdfast/internal/identity"
)

func TestHash(t *testing.T) {
	hash := func(in string, args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(append([]string{"hash"}, args...), strings.NewReader(in), &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := hash("open sesame\n")
	if code != 0 || errs != "" || identity.CheckHash(strings.TrimSpace(out)) != nil {
		t.Fatalf("%d %q %q", code, out, errs)
	}
	p, err := identity.NewPasswords(map[string]string{"bob": strings.TrimSpace(out)}, identity.NewTurns())
	if err != nil {
		t.Fatal(err)
	}
	if good, err := p.Check(t.Context(), "", "bob", "open sesame"); err != nil || !good {
		t.Errorf("%v %v", good, err)
	}
	if code, out, errs := hash("\n"); code != exitUsage || out != "" || !strings.Contains(errs, "no password") {
		t.Errorf("nothing: %d %q %q", code, out, errs)
	}
	if code, out, _ := hash(strings.Repeat("x", maxPassword+1)); code != exitUsage || out != "" {
		t.Errorf("too long: %d %q", code, out)
	}
	var made struct{ Key, Hash string }
	code, out, _ = hash("", "--api-key", "-o", "json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		t.Fatalf("%d %q %v", code, out, err)
	}
	keys, err := identity.NewAPIKeys(map[string]string{"billing": made.Hash})
	if err != nil {
		t.Fatal(err)
	}
	if caller, ok := keys.Caller(made.Key); !ok || caller != "billing" {
		t.Errorf("the key %q does not fit its hash", made.Key)
	}
}
