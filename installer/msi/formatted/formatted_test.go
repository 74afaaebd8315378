package formatted_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi/formatted"
)

func values(r formatted.Reference) string {
	return map[string]string{
		"[INSTALLDIR]": `C:\Program Files\Holdfast\`, "[Name]": "Holdfast", "[Which]": "Name", "[Brackets]": "[Name]",
		"[%ProgramFiles(x86)]": `C:\Program Files (x86)`, "[#exe]": `C:\Program Files\Holdfast\holdfast.exe`, "[!exe]": `C:\PROGRA~1\Holdfast\holdfast.exe`,
		"[$Exe]": `C:\Program Files\Holdfast\`, "[Prefix]": "#exe",
	}[r.String()]
}

func TestExpand(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "plain text", "plain text"},
		{"empty", "", ""},
		{"property", "a [Name] b", "a Holdfast b"},
		{"not set", "a[None]b", "ab"},
		{"no name at all", "a[]b[foo.$%}]c", "abc"},
		{"folder with its dot", `--install "[INSTALLDIR]."`, `--install "C:\Program Files\Holdfast\."`},
		{"file, short file, component, environment", "[#exe]|[!exe]|[$Exe]|[%ProgramFiles(x86)]|[#none]", `C:\Program Files\Holdfast\holdfast.exe|C:\PROGRA~1\Holdfast\holdfast.exe|C:\Program Files\Holdfast\|C:\Program Files (x86)|`},
		{"inside out", "[[Which]] [[Prefix]] [[None]]", `Holdfast C:\Program Files\Holdfast\holdfast.exe `},
		{"a value is not resolved again", "[Brackets]", "[Name]"},
		{"escapes", `[\[]Name[\]] [\{]x[\}] [\ab][\]`, `[Name] {x} a[\]`},
		{"an escape is one character, not one byte", `[\ß]`, "ß"},
		{"null", "a[~]b", "a\x00b"},
		{"no partner", "a] [Name b} {c", "a] [Name b} {c"},
		{"no partner before a good one", "{ [Name]", "{ Holdfast"},
		{"group with a value", "{ --name [Name]}", " --name Holdfast"},
		{"group without a value", "a{ --name [Name] --config [None]}b", "ab"},
		{"group without references", "a{b}c", "a{b}c"},
		{"what opens inside and does not close there", "[a{b]{[c}]", "{[c}]"},
		{"group in a group", "{a{[Name]}b}", "aHoldfastb"},
		{"group with an escape alone", `{[\[]}`, "{[}"},
		{"style of a dialog", `{\Title}Welcome to [Name]`, `{\Title}Welcome to Holdfast`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, formatted.Expand(test.text, values)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	var got []string
	for _, r := range formatted.References(`[A] [%B] [#C]{[$D]} [[E]] [~] [\[] F] [G`) {
		got = append(got, r.String())
	}
	if diff := cmp.Diff([]string{"[A]", "[%B]", "[#C]", "[$D]", "[E]"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	for _, good := range []string{"", "text", "[A] [#a.b] [$_c] [!d] [%ProgramFiles(x86)]", `[\[]A[\]]`, "[[A]]", "[~];[INSTALLDIR]", "{x}", `{\Style}[A]`} {
		if err := formatted.Check(good); err != nil {
			t.Error(err)
		}
	}
	tests := map[string]string{
		"[A":       `a "[" has no "]"`,
		"A]":       `a "]" has no "["`,
		"][":       `a "]" has no "["`,
		`[\[`:      `a "[" has no "]"`,
		"[A B]":    "[A B] names nothing",
		"[]":       "[] names nothing",
		"[#]":      "[#] names nothing",
		"[%]":      "[%] names nothing",
		"[1]":      "[1] names nothing",
		"[a-b][A]": "[a-b] names nothing",
	}
	for text, want := range tests {
		if err := formatted.Check(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

// Text without brackets and braces stays as it is, and a checked text leaves no bracket of its own.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "[A]", `[\[]`, "{[A]}", "[[A]", "[~]", "{[\\", "[\\]", "[{]}", "{[}]", "\xff[", `[\ß]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := formatted.Expand(text, func(formatted.Reference) string { return "x" })
		if !strings.ContainsAny(text, "[{") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if formatted.Check(text) == nil && !strings.ContainsAny(text, `\{}`) && strings.ContainsAny(got, "[]") {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// A hostile text neither exhausts the stack nor the memory.
func TestExpandIsBounded(t *testing.T) {
	const many = 3_000_000
	for _, pair := range []string{"{}", "[]"} {
		text := strings.Repeat(pair[:1], many) + "[Name]" + strings.Repeat(pair[1:], many)
		if got := formatted.Expand(text, values); len(got) > 1<<20 {
			t.Errorf("%s: %d bytes", pair, len(got))
		}
	}
	value := "x"
	for range 64 {
		value = formatted.Expand("[A][A]", func(formatted.Reference) string { return value })
	}
	if len(value) > 1<<20 {
		t.Errorf("%d bytes", len(value))
	}
	deep := strings.Repeat("{", 60) + "[Name]" + strings.Repeat("}", 60)
	if got := formatted.Expand(deep, values); got != "Holdfast" {
		t.Errorf("got %q", got)
	}
}
