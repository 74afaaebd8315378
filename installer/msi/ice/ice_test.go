package ice_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/installer/msi"
	"holdfast/installer/msi/ice"
	"holdfast/installer/msi/internal/sample"
)

func texts(findings []ice.Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

func TestGoodPackage(t *testing.T) {
	if found := ice.Verify(sample.New(t)); len(found) > 0 {
		t.Error(texts(found))
	}
}

const (
	execute = "InstallExecuteSequence"
	secure  = "HF_ALLOWDOWNGRADE;HF_CONFIG;HF_NEWER;HF_NOSTART;HF_OLDER;HF_PORT;HF_PORT_OLD;HF_PURGE;INSTALLDIR;INSTALLDIR_OLD"
)

type database = msi.Database

// changed is the sample with a change.
func changed(t *testing.T, change func(*testing.T, *database)) *database {
	t.Helper()
	db := sample.New(t)
	change(t, db)
	return db
}

// check1 wants one finding that begins with these words, or none.
func check1(t *testing.T, db *database, want string) {
	t.Helper()
	if got := texts(ice.Verify(db)); got != want && (want == "" || !strings.HasPrefix(got, want) || strings.Contains(got, "\n")) {
		t.Errorf("got:\n%s\nwant %s", got, want)
	}
}

// broken is one mistake: what is changed, and the one rule that must tell, in these words. A mistake
// against several rules names them all; the words are those of the first.
type broken struct {
	name   string
	rule   string
	change func(t *testing.T, db *msi.Database)
	want   string
}

func check(t *testing.T, tests []broken) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.rule+" "+test.name, func(t *testing.T) {
			db := sample.New(t)
			test.change(t, db)
			found := ice.Verify(db)
			rules := strings.Fields(test.rule)
			told := slices.ContainsFunc(found, func(f ice.Finding) bool { return f.Rule == rules[0] && strings.Contains(f.String(), test.want) })
			for i, f := range found {
				told = told && i < len(rules) && slices.Contains(rules, f.Rule)
			}
			if !told || len(found) != len(rules) {
				t.Errorf("got:\n%s\nwant %s: %s", texts(found), test.rule, test.want)
			}
		})
	}
}

// set changes one value.
func set(table, key, column string, value any) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		sample.Set(t, db, table, key, column, value)
	}
}

// add adds rows.
func add(table string, rows ...string) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		sample.Add(t, db, table, rows...)
	}
}

// all makes several changes.
func all(changes ...func(*testing.T, *msi.Database)) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		for _, change := range changes {
			change(t, db)
		}
	}
}

func remove(table, key string) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		sample.Remove(t, db, table, key)
	}
}

func sequence(table, lines string) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		sample.Sequence(t, db, table, lines)
	}
}

// Every rule has a mistake that it, and it alone, finds.
func TestEveryRuleCanFail(t *testing.T) {
	tested := map[string]bool{}
	for _, tests := range [][]broken{valueTests(), componentTests(), sequenceTests(), upgradeTests(), ownTests()} {
		for _, test := range tests {
			tested[strings.Fields(test.rule)[0]] = true
		}
	}
	for _, r := range ice.Rules() {
		if !tested[r.Name] || r.Demands == "" {
			t.Errorf("%s (%s) has no test", r.Name, r.Demands)
		}
	}
}

func TestFindingString(t *testing.T) {
	tests := []struct {
		finding ice.Finding
		want    string
	}{
		{ice.Finding{Rule: "ICE61", Severity: ice.Error, Table: "Upgrade", Row: "a/b", Column: "VersionMax", Text: "too low", Cure: "raise it"}, "ICE61 error, Upgrade a/b, VersionMax: too low; raise it"},
		{ice.Finding{Rule: "HF06", Text: "odd"}, "HF06 warning: odd"},
		{ice.Finding{Rule: "HF14", Severity: ice.Error, Table: "Icon", Text: "empty"}, "HF14 error, Icon: empty"},
	}
	for _, test := range tests {
		if got := test.finding.String(); got != test.want {
			t.Errorf("got %s; want %s", got, test.want)
		}
	}
}

// verifyOnly is the findings of one rule.
func verifyOnly(db *msi.Database, rule string) string {
	var lines []string
	for _, f := range ice.Verify(db) {
		if f.Rule == rule {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}
