package config

import "fmt"

// traffic checks the rules on how many requests come through and what happens when an upstream fails.
func (v *validator) traffic(at path, route Route) {
	for i, rule := range route.Flow {
		if sub := at.key("flow").index(i); rule.QPS == 0 && rule.Concurrency == 0 {
			v.report(codeMissing, v.value(sub), sub, fmt.Sprintf("rule %d of flow bounds nothing", i+1), "add qps: NUMBER or concurrency: NUMBER")
		}
	}
}
