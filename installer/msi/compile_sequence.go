package msi

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/wxs"
)

// action is an action in a sequence.
type action struct {
	unit           *unit
	sequence, name string // sequences are named as in the sources
	condition      cell
	number         int
	numbered       bool
	before, after  cell // the action beside which it runs, when it has no number
	suppress       bool
	own            bool // scheduled because a table needs it
	pos            wxs.Pos

	previous, next []*action // those that run right before and after it
}

func (a *action) key() string { return a.sequence + "/" + a.name }

// beside is the key of the action beside which it runs, and whether it runs after it.
func (a *action) beside() (key string, after bool) {
	if name, _ := a.after.v.(string); name != "" {
		return a.sequence + "/" + name, true
	}
	name, _ := a.before.v.(string)
	return a.sequence + "/" + name, false
}

// sequences gives every action its number and adds the rows of the five sequence tables. The way is
// that of WiX: the standard actions that the tables need have their usual numbers; an action beside
// another gets the nearest free number on that side.
func (c *compiler) sequences() {
	var order []*action
	all := map[string]*action{}
	schedule := func(a *action) {
		order, all[a.key()] = append(order, a), a
	}
	for _, u := range c.units {
		for _, a := range u.actions {
			if n := c.rows["Action"][a.key()]; !a.suppress && n != nil && n.pos == a.pos { // not a duplicate
				if key, _ := a.beside(); !a.numbered && strings.HasSuffix(key, "/") { // as usual
					standard, _ := standardAction(a.key())
					a.number, a.numbered = standard.number, true
				}
				schedule(a)
			}
		}
	}
	for _, key := range c.required() {
		if all[key] == nil {
			a, _ := standardAction(key)
			schedule(a)
		}
	}
	order = c.suppress(order, all)
	for _, a := range slices.Clone(order) {
		if key, _ := a.beside(); !a.numbered && all[key] == nil {
			other, ok := standardAction(key)
			if !ok {
				continue // told already: undefined
			}
			schedule(other)
		}
	}
	for _, a := range order {
		if key, after := a.beside(); !a.numbered && all[key] != nil {
			c.put(a, all[key], after)
		}
	}
	for _, sequence := range []string{"AdminExecuteSequence", "AdminUISequence", "AdvertiseExecuteSequence", "InstallExecuteSequence", "InstallUISequence"} {
		c.number(sequence, order)
	}
}

// suppress takes out the standard actions that the sources do not want.
func (c *compiler) suppress(order []*action, all map[string]*action) []*action {
	for _, u := range c.units {
		for _, a := range u.actions {
			if !a.suppress {
				continue
			}
			if other := all[a.key()]; other != nil && !other.own {
				c.errs.Add(a.pos, fmt.Sprintf("%s is suppressed, but it is scheduled at %s", a.name, other.pos), "remove one")
				continue
			}
			delete(all, a.key())
			order = slices.DeleteFunc(order, func(o *action) bool { return o.key() == a.key() })
		}
	}
	return order
}

// put hangs an action before or after another. Two actions of different fragments beside the same one
// have no order of their own: which comes first would be the linker's choice.
func (c *compiler) put(a, beside *action, after bool) {
	list := &beside.previous
	if after {
		list = &beside.next
	}
	for _, other := range *list {
		if other.unit != a.unit {
			c.errs.Add(a.pos, fmt.Sprintf("%s and %s (%s) run beside %s; which comes first is open", a.name, other.name, other.pos, beside.name), "put one beside the other, or give it a number")
			break
		}
	}
	*list = append(*list, a)
}

// around are all actions that hang before or after one, in their order.
func around(list []*action) []*action {
	var all []*action
	for _, a := range list {
		all = append(all, around(a.previous)...)
		all = append(all, a)
		all = append(all, around(a.next)...)
	}
	return all
}

// number numbers the actions of one sequence and adds its rows.
func (c *compiler) number(sequence string, order []*action) {
	var fixed []*action
	count := 0
	for _, a := range order {
		if a.sequence != sequence {
			continue
		}
		count++
		if a.numbered {
			fixed = append(fixed, a)
		}
	}
	slices.SortStableFunc(fixed, func(a, b *action) int { return a.number - b.number })
	var rows []*action
	for i, a := range fixed {
		rows = append(rows, a)
		if i > 0 && fixed[i-1].number == a.number {
			c.errs.Add(a.place(fixed[i-1]).pos, fmt.Sprintf("%s and %s have the same number %d in %s", fixed[i-1].name, a.name, a.number, sequence), "give one another number")
		}
		before, after := around(a.previous), around(a.next)
		if a.number < 0 && len(before)+len(after) > 0 {
			c.errs.Add(append(before, after...)[0].pos, fmt.Sprintf("%s ends the sequence; nothing can run beside it", a.name), "")
			continue
		}
		lowest, highest := 0, 1<<15
		if i > 0 {
			lowest = max(0, fixed[i-1].number)
		}
		if i+1 < len(fixed) {
			highest = fixed[i+1].number
		}
		for j, other := range before {
			other.number = a.number - len(before) + j
		}
		for j, other := range after {
			other.number = a.number + 1 + j
		}
		if hanging := append(before, after...); len(hanging) > 0 {
			if first, last := hanging[0].number, hanging[len(hanging)-1].number; first <= lowest || last >= highest {
				c.errs.Add(hanging[0].pos, fmt.Sprintf("%s has no free numbers beside %s (%d) for %s", sequence, a.name, a.number, actionNames(hanging)), "give them numbers")
			}
			rows = append(rows, hanging...)
		}
	}
	if len(rows) < count {
		c.circle(sequence, order, rows)
		return
	}
	c.unique(sequence, rows)
	table := strings.Replace(sequence, "Advertise", "Advt", 1)
	for _, a := range rows {
		c.insert(table, a.pos, a.name, a.condition, a.number)
	}
}

// place is the one of two actions that the sources wrote.
func (a *action) place(other *action) *action {
	if a.own {
		return other
	}
	return a
}

func actionNames(actions []*action) string {
	all := make([]string, len(actions))
	for i, a := range actions {
		all[i] = a.name
	}
	return strings.Join(all, ", ")
}

// unique checks that no two actions got the same number by hanging beside different others.
func (c *compiler) unique(sequence string, rows []*action) {
	taken := map[int]*action{}
	for _, a := range rows {
		if other := taken[a.number]; other != nil && !a.numbered && !other.numbered {
			c.errs.Add(a.place(other).pos, fmt.Sprintf("%s and %s get the same number %d in %s", other.name, a.name, a.number, sequence), "give one another place")
		}
		taken[a.number] = a
	}
}

// circle tells about actions that only hang on each other.
func (c *compiler) circle(sequence string, order, rows []*action) {
	all := map[string]*action{}
	for _, a := range order {
		all[a.key()] = a
	}
	for _, a := range order {
		if a.sequence != sequence || slices.Contains(rows, a) {
			continue
		}
		key, _ := a.beside()
		for range order {
			if key == a.key() {
				c.errs.Add(a.pos, fmt.Sprintf("%s runs beside an action that in the end runs beside it", a.name), "give one of them a number")
				break
			}
			if all[key] == nil {
				break
			}
			key, _ = all[key].beside()
		}
	}
}

// required are the keys of the standard actions that the tables of the package need.
func (c *compiler) required() []string {
	var keys []string
	for line := range strings.SplitSeq(strings.TrimSpace(requiredActions), "\n") {
		fields := strings.Fields(line)
		if table := fields[0]; table == "*" || len(c.rows[table]) > 0 || table == "Migrate" && c.migrates() {
			for _, name := range fields[2:] {
				keys = append(keys, fields[1]+"/"+name)
			}
		}
	}
	return keys
}

// migrates tells whether features keep the state they had in the older product.
func (c *compiler) migrates() bool {
	for _, n := range c.rows["Upgrade"] {
		if attributes, _ := n.row[4].(int); attributes&1 != 0 {
			return true
		}
	}
	return false
}

// requiredActions are the standard actions that WiX 5 schedules because a table has rows ("*": always):
// table, sequence, actions.
const requiredActions = `
* AdminExecuteSequence CostFinalize CostInitialize FileCost InstallAdminPackage InstallFiles InstallFinalize InstallInitialize InstallValidate
* AdminUISequence CostFinalize CostInitialize ExecuteAction FileCost
* AdvertiseExecuteSequence CostFinalize CostInitialize InstallInitialize InstallFinalize InstallValidate PublishFeatures PublishProduct
* InstallExecuteSequence CostFinalize CostInitialize FileCost InstallFinalize InstallInitialize InstallValidate ProcessComponents PublishFeatures PublishProduct RegisterProduct RegisterUser UnpublishFeatures ValidateProductID
* InstallUISequence CostFinalize CostInitialize ExecuteAction FileCost ValidateProductID
AppSearch InstallExecuteSequence AppSearch
AppSearch InstallUISequence AppSearch
Component InstallExecuteSequence CreateFolders RemoveFolders
Environment InstallExecuteSequence WriteEnvironmentStrings RemoveEnvironmentStrings
File InstallExecuteSequence InstallFiles RemoveFiles
LaunchCondition InstallExecuteSequence LaunchConditions
LaunchCondition InstallUISequence LaunchConditions
Registry InstallExecuteSequence WriteRegistryValues RemoveRegistryValues
RemoveFile InstallExecuteSequence RemoveFiles
ServiceControl InstallExecuteSequence StartServices StopServices DeleteServices
ServiceInstall InstallExecuteSequence InstallServices
Upgrade InstallExecuteSequence FindRelatedProducts
Upgrade InstallUISequence FindRelatedProducts
Migrate InstallExecuteSequence MigrateFeatureStates
Migrate InstallUISequence MigrateFeatureStates
`

// standardAction is a standard action with its usual number in a sequence, by the key of both; false
// when it has none there.
func standardAction(key string) (*action, bool) {
	sequence, name, _ := strings.Cut(key, "/")
	for line := range strings.SplitSeq(strings.TrimSpace(standardActions), "\n") {
		fields := strings.Fields(line)
		if fields[0] != name || !slices.Contains(strings.Split(fields[2], ","), sequence) {
			continue
		}
		return &action{sequence: sequence, name: name, number: integer(fields[1]), numbered: true, own: true, condition: cell{v: strings.Join(fields[3:], " ")}}, true
	}
	return nil, false
}

// isStandardAction tells whether a name is a standard action's in any sequence.
func isStandardAction(name string) bool {
	return slices.ContainsFunc(strings.Split(strings.TrimSpace(standardActions), "\n"), func(line string) bool { return strings.Fields(line)[0] == name })
}
