package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// content checks what is done to messages: headers, files, compression, error pages and faults.
func (v *validator) content(at path, route Route) {
	for _, changes := range []struct {
		key string
		h   Headers
	}{{"request_headers", route.RequestHeaders}, {"response_headers", route.ResponseHeaders}} {
		if len(changes.h.Set)+len(changes.h.Remove) == 0 {
			continue
		}
		set, remove := at.key(changes.key).key("set"), at.key(changes.key).key("remove")
		v.headers(set, changes.h.Set)
		names := slices.Sorted(maps.Keys(changes.h.Set))
		v.fieldNames(at.key(changes.key), names, v.key, func(i int) path { return set.key(names[i]) })
		v.fieldNames(at.key(changes.key), changes.h.Remove, v.value, remove.index)
	}
	if len(route.ErrorPages) > 0 {
		v.errorPages(at.key("error_pages"), route.ErrorPages)
	}
	if route.FileServer != nil {
		v.fileNames(at.key("file_server"), *route.FileServer)
	}
	if route.Compress != nil {
		v.compress(at.key("compress"), *route.Compress, route)
	}
	if route.Fault != nil {
		v.fault(at.key("fault"), *route.Fault)
	}
}

func (v *validator) errorPages(at path, pages map[string]string) {
	if len(pages) == 0 {
		return
	}
	errors := regexp.MustCompile(`^[45]([0-9][0-9]|xx)$`)
	for _, status := range slices.Sorted(maps.Keys(pages)) {
		sub := at.key(status)
		if !errors.MatchString(status) {
			v.report(codeValue, v.key(sub), sub, fmt.Sprintf("error_pages: %q is not the status of an error", status), `write "404", "4xx" or "5xx"`)
			continue
		}
		v.present(sub, pages[status], false)
	}
}

func (v *validator) fault(at path, f Fault) {
	v.headers(at.key("header"), f.Header)
	if sub := at.key("abort"); f.Abort != 0 && f.Abort < 400 && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, fmt.Sprintf("abort: %d is not the status of an error", f.Abort), "write a status from 400 to 599")
	}
	if f.Delay == 0 && f.Abort == 0 && f.Bandwidth == 0 {
		v.report(codeNoEffect, v.key(at), at, "this fault does nothing", "add delay, abort or bandwidth")
	}
}
