package wxs

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestVocabularyIsWellFormed: the vocabulary is a text; its words must hang together.
func TestVocabularyIsWellFormed(t *testing.T) {
	for _, text := range []string{vocabulary, localizationVocabulary} {
		known := readVocabulary(text)
		var blocks int
		for line := range strings.SplitSeq(text, "\n") {
			if head, _, _ := strings.Cut(line, "<"); line != "" && line[0] != '\t' {
				head, _, _ = strings.Cut(head, ":")
				blocks += len(strings.Fields(head))
			}
		}
		if blocks != len(known) {
			t.Errorf("%d elements are defined in %d places", len(known), blocks)
		}
		for name, d := range known {
			for _, other := range slices.Concat(d.parents, d.first) {
				if known[other] == nil {
					t.Errorf("<%s> refers to <%s>, which is nowhere", name, other)
				}
			}
			if len(d.names) != len(d.kinds) {
				t.Errorf("<%s> has an attribute twice: %v", name, d.names)
			}
			for attribute, kind := range d.kinds {
				if !knownKind(kind) {
					t.Errorf("%s of <%s> has the unknown kind %s", attribute, name, kind)
				}
			}
		}
		roots := slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(name string) bool { return len(known[name].parents) > 0 })
		if len(roots) != 1 || !strings.HasPrefix(roots[0], "Wix") {
			t.Errorf("roots: %v", roots)
		}
	}
}

func knownKind(kind string) bool {
	if slices.Contains([]string{"text", "text?", "yesno", "id", "public", "guid", "version", "file", "shortfile", "pattern"}, kind) {
		return true
	}
	if allowed, ok := strings.CutPrefix(kind, "="); ok {
		return allowed != "" && !slices.Contains(strings.Split(allowed, "|"), "")
	}
	low, high, ok := strings.Cut(kind, "..")
	_, err := strconv.Atoi(high)
	if low != "id" {
		_, lowErr := strconv.Atoi(low)
		ok = ok && lowErr == nil
	}
	return ok && err == nil
}

func TestKinds(t *testing.T) {
	tests := []struct {
		kind string
		good []string
		bad  []string
	}{
		{"text", []string{"a", " "}, []string{""}},
		{"text?", []string{"a", ""}, nil},
		{"yesno", []string{"yes", "no", "true", "false"}, []string{"", "Yes", "1"}},
		{"id", []string{"a", "_", "A.b_9"}, []string{"", "9", ".a", "a-b", "a b", "é", strings.Repeat("a", 73)}},
		{"id..3", []string{"abc"}, []string{"abcd"}},
		{"public", []string{"A_9"}, []string{"Ab", "9", ""}},
		{"guid", []string{"{01234567-89ab-cdef-0123-456789ABCDEF}", "01234567-89AB-CDEF-0123-456789ABCDEF"}, []string{"", "*", "{01234567-89AB-CDEF-0123-456789ABCDEF", "0123456789ABCDEF0123456789ABCDEF"}},
		{"version", []string{"0.0.0", "255.255.65535"}, []string{"1.2", "1.2.3.4", "256.0.0", "1.0.65536", "1.02.3", "v1.2.3", "1..2"}},
		{"file", []string{"a", "a b.yaml", "é", ".a"}, []string{"", ".", "..", "a/b", `a\b`, "a*", "a:b", strings.Repeat("a", 260)}},
		{"shortfile", []string{"a", "12345678.123", "a.", "é"}, []string{"123456789", "a.1234", "a b", "a.b.c", ".a", "a+b"}},
		{"pattern", []string{"*", "a?.txt"}, []string{"a/b", "..", ""}},
		{"5..10", []string{"5", "10", "07"}, []string{"4", "11", "", "x", "5.0", "+5", "-5", "99999999999999999999"}},
		{"=a|b", []string{"a", "b"}, []string{"", "c", "a|b"}},
	}
	for _, tt := range tests {
		for _, v := range tt.good {
			if text, _ := checkKind(tt.kind, v); text != "" {
				t.Errorf("%s %q: %s", tt.kind, v, text)
			}
		}
		for _, v := range tt.bad {
			if text, _ := checkKind(tt.kind, v); text == "" {
				t.Errorf("%s %q is let through", tt.kind, v)
			}
		}
	}
}

func TestClosest(t *testing.T) {
	known := []string{"Component", "ComponentRef", "ComponentGroup", "File"}
	for word, want := range map[string]string{
		"Compnent": "Component", "component": "Component", "ComponentGrp": "ComponentGroup", "Fle": "File",
		"Shortcut": "", "": "", "x": "", strings.Repeat("a", 1000): "",
	} {
		if got := closest(word, known); got != want {
			t.Errorf("closest(%q) = %q, want %q", word, got, want)
		}
	}
	for pair, want := range map[[2]string]int{{"kitten", "sitting"}: 3, {"titel", "title"}: 1, {"", "ab"}: 2, {"same", "same"}: 0} {
		if got := distance(pair[0], pair[1], 100); got != want {
			t.Errorf("distance of %q: %d, want %d", pair, got, want)
		}
	}
}
