package config

import "strings"

// LoadForStart is Load for a start, when there is no last good configuration that could stay. A
// Group Policy that cannot be in force must not take a whole fleet down at its next start: the
// values with an error are left out, all others count. The problems then hold errors although there
// is a Snapshot; whoever starts with it tells them. With an error that is not the policy's the
// Snapshot is nil, as with Load.
func LoadForStart(opts Options) (*Snapshot, Problems) {
	snapshot, problems := Load(opts)
	if snapshot != nil || opts.registryKeys().policy == "" {
		return snapshot, problems
	}
	bare := opts
	bare.withoutPolicy = true
	without, _ := Load(bare)
	if without == nil {
		return nil, problems
	}
	told := problems.only(Error)
	opts.ignored = map[string]bool{}
	for opts.ignore(problems) {
		if snapshot, problems = Load(opts); snapshot != nil {
			return snapshot, append(told, problems...).sorted()
		}
		told = append(told, problems.only(Error)...)
	}
	// What is wrong is told of another place, such as a port that a policy takes from an app.
	src := source{origin: "Group Policy " + hklm + opts.PolicyKey}
	told = append(told, Problem{
		Code: codePolicy, Severity: Error, Source: src.origin,
		Message: "with this policy the configuration has errors, so that all of it is left out",
		Hint:    "correct the policy, or what it does not fit to",
	})
	return without, append(told, without.Warnings...).sorted()
}

// ignore adds the policies among the errors; false says that there is no further one.
func (o *Options) ignore(problems Problems) bool {
	before := len(o.ignored)
	for _, p := range problems {
		if p.Severity == Error && strings.HasPrefix(p.Source, "Group Policy ") {
			o.ignored[p.Source] = true
		}
	}
	return len(o.ignored) > before
}

// only are the problems of one severity.
func (p Problems) only(s Severity) Problems {
	var some Problems
	for _, problem := range p {
		if problem.Severity == s {
			some = append(some, problem)
		}
	}
	return some
}
