package config

import (
	"fmt"
)

// leastMemory is the smallest bound of memory with which a program could begin at all.
const leastMemory = Size(1 << 20)

// number checks how many instances there may be, and whether an overlapped restart can be had.
func (v *validator) number(at path, app App) {
	most := at.key("max_instances")
	if app.MaxInstances != 0 && app.MaxInstances < app.Instances && !v.rejected[most] {
		v.report(codeOrder, v.value(most), most, fmt.Sprintf("max_instances %d is less than instances %d", app.MaxInstances, app.Instances),
			"raise max_instances, or leave it out")
	}
	overlap := at.key("restart").key("overlap")
	if !app.Restart.Overlap || !v.written(overlap) {
		return
	}
	switch {
	case app.Port != PortAuto:
		v.report(codeNoEffect, v.key(overlap), overlap, "restart.overlap is not used: two processes cannot listen on port "+app.Port.String(), "write port: auto, or remove it")
	case app.MaxInstances != 0 && app.MaxInstances == app.Instances:
		v.report(codeNoEffect, v.key(overlap), overlap, "restart.overlap is not used: max_instances leaves no place for an additional instance", "raise max_instances, or remove it")
	}
}

func (v *validator) limits(at path, l Limits) {
	for name, size := range map[string]Size{"memory": l.Memory, "memory_recycle": l.MemoryRecycle} {
		if key := at.key(name); size != 0 && size < leastMemory && !v.rejected[key] {
			v.report(codeRange, v.value(key), key, fmt.Sprintf("%s %s is less than any program needs", name, size), "write at least "+leastMemory.String()+", with its unit")
		}
	}
	if recycle := at.key("memory_recycle"); l.Memory != 0 && l.MemoryRecycle >= l.Memory && !v.rejected[recycle] {
		v.report(codeOrder, v.value(recycle), recycle, fmt.Sprintf("memory_recycle %s is not less than memory %s, so the instance would be ended first", l.MemoryRecycle, l.Memory),
			"lower memory_recycle or raise memory")
	}
}
