package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// fileNames checks what a file server is told to try, and to say of it.
func (v *validator) fileNames(at path, f FileServer) {
	v.headers(at, map[string]string{"cache_control": f.CacheControl})
	for i, name := range f.Index {
		sub := at.key("index").index(i)
		if name == "" || strings.ContainsAny(name, `/\`) {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("index: %q is not the name of a file", name), "write a name without a folder")
		} else if !v.rejected[sub] {
			v.servable(sub, "index", name)
		}
	}
	try := at.key("try_files")
	if len(f.TryFiles) == 0 && v.written(try) && !v.rejected[try] {
		v.report(codeValue, v.value(try), try, "try_files is empty, so that there is no file to serve", `write ["${path}"], or remove it`)
	}
	for i, text := range f.TryFiles {
		sub := try.index(i)
		if v.rejected[sub] || !v.written(try) {
			continue
		}
		if strings.Contains(text, "${query}") {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("try_files: %q: a query names no file", text), "write ${path} only")
			continue
		}
		if !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "${path}") {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("try_files: %q is no path below root", text), "write ${path}... or /"+strings.TrimLeft(text, `./\`))
			continue
		}
		v.servable(sub, "try_files", text)
	}
	spa := at.key("spa")
	if f.SPA == "" || v.rejected[spa] {
		return
	}
	if v.servable(spa, "spa", f.SPA) && f.Root != "" {
		v.present(spa, filepath.Join(f.Root, filepath.FromSlash(f.SPA)), false)
	}
}

// servable reports a name that the file server never serves.
func (v *validator) servable(at path, key, text string) bool {
	name := strings.Trim(strings.ReplaceAll(text, "${path}", "x"), "/")
	why := ""
	if strings.Contains(name, `\`) {
		why = "write slashes, not backslashes"
	} else if strings.ContainsAny(name, `<>:"|?*`) || name == "" && key == "spa" {
		why = "write the name of a file below root"
	}
	for segment := range strings.SplitSeq(name, "/") {
		switch {
		case segment == "." || segment == "..":
			why = "write the path from root on; what is outside root is not served"
		case strings.HasPrefix(segment, ".") && segment != ".well-known":
			why = "hidden files are not served; name another one"
		}
	}
	if why == "" {
		return true
	}
	v.report(codeValue, v.value(at), at, fmt.Sprintf("%s: %q is never served", key, text), why)
	return false
}

func (v *validator) compress(at path, c Compress, route Route) {
	encodings, types := at.key("encodings"), at.key("types")
	for _, list := range []struct {
		at     path
		values []string
	}{{encodings, c.Encodings}, {types, c.Types}} {
		if len(list.values) == 0 && v.written(list.at) && !v.rejected[list.at] {
			v.report(codeValue, v.value(list.at), list.at, fmt.Sprintf("%s is empty, so that nothing is compressed", keyOf(list.at)), "remove it for the default, or remove compress")
		}
	}
	for i, name := range c.Encodings {
		sub := encodings.index(i)
		if !slices.Contains([]string{"zstd", "br", "gzip"}, name) {
			hint := "write zstd, br or gzip"
			switch strings.ToLower(name) {
			case "brotli":
				hint = "did you mean br?"
			case "gz", "x-gzip", "deflate":
				hint = "did you mean gzip?"
			case "zst", "zstandard":
				hint = "did you mean zstd?"
			}
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("encodings: %q is not a coding that Holdfast makes", name), hint)
		} else if slices.Index(c.Encodings, name) < i {
			v.report(codeNoEffect, v.value(sub), sub, fmt.Sprintf("encodings has %s twice", name), "remove one")
		}
	}
	media := regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]*\*?[A-Za-z0-9!#$&^_.+-]*$`)
	for i, name := range c.Types {
		sub := types.index(i)
		switch lower := strings.ToLower(name); {
		case !media.MatchString(name) || strings.HasSuffix(name, "/"):
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("types: %q is not a media type", name), `write "text/html", "text/*" or "application/*+json"`)
		case lower == "text/event-stream" || strings.HasPrefix(lower, "application/grpc"):
			v.report(codeNoEffect, v.value(sub), sub, fmt.Sprintf("%s is never compressed: what it says must not wait", name), "remove it")
		}
	}
	switch {
	case route.Redirect != nil:
		v.report(codeNoEffect, v.key(at), at, "compress has no effect on redirect: its answer is short", "remove it")
	case route.Respond != nil && Size(len(route.Respond.Body)) < c.MinSize:
		v.report(codeNoEffect, v.key(at), at, "compress has no effect: the body of respond is smaller than min_size", "remove it")
	}
}
