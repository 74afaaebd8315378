package ice

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"holdfast/installer/guid"
	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

// categories are those of learn.microsoft.com/windows/win32/msi/column-data-types.
func categories() []string {
	return []string{
		"Text", "UpperCase", "LowerCase", "Integer", "DoubleInteger", "TimeDate", "Time/Date", "Identifier", "Property", "Filename",
		"WildCardFilename", "Path", "Paths", "AnyPath", "DefaultDir", "RegPath", "Formatted", "FormattedSDDLText", "Template",
		"Condition", "Guid", "GUID", "Version", "Language", "Binary", "CustomSource", "Cabinet", "Shortcut",
	}
}

// category tells why a value is none of its category.
func (c *checker) category(name string, r row, v string) error {
	switch name {
	case "Condition":
		_, err := condition.Parse(v)
		return err
	case "CustomSource":
		return c.customSource(r, v)
	case "DefaultDir":
		return defaultDir(r, v)
	case "Shortcut":
		return c.shortcut(v)
	case "Cabinet":
		return cabinet(v)
	case "Guid", "GUID":
		if g, err := guid.Parse(v); err != nil || string(g) != v {
			return fmt.Errorf("%q is no GUID in braces and upper case", v)
		}
		return nil
	case "Template":
		// [1] and the like are the fields of the message.
		return formatted.Check(regexp.MustCompile(`\[[0-9]+\]`).ReplaceAllString(v, ""))
	}
	return plainCategory(name, v)
}

func plainCategory(name, v string) error {
	switch name {
	case "Identifier":
		return identifier(v)
	case "Property":
		return identifier(strings.TrimPrefix(v, "%"))
	case "UpperCase", "LowerCase":
		if name == "UpperCase" && strings.ToUpper(v) != v || name == "LowerCase" && strings.ToLower(v) != v {
			return fmt.Errorf("%s must be %s", v, name)
		}
	case "Formatted":
		return formatted.Check(v)
	case "FormattedSDDLText":
		return sddl(v)
	case "Version":
		return version(v)
	case "Language":
		return language(v)
	case "Filename":
		return filename(v, "")
	case "WildCardFilename":
		return filename(v, "*?")
	case "Path", "Paths", "AnyPath":
		return path(v, name)
	case "RegPath":
		if strings.HasPrefix(v, `\`) || strings.HasSuffix(v, `\`) {
			return fmt.Errorf("%s begins or ends with a backslash", v)
		}
		return formatted.Check(v)
	}
	return nil
}

func identifier(v string) error {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`).MatchString(v) {
		return fmt.Errorf("%q is no identifier: letters, digits, _ and . after a letter or _", v)
	}
	return nil
}

func version(v string) error {
	fields := strings.Split(v, ".")
	for _, f := range fields {
		if n, err := strconv.ParseUint(f, 10, 16); err != nil || n > 65535 || len(fields) > 4 {
			return fmt.Errorf("%q is no version of up to four numbers from 0 to 65535", v)
		}
	}
	return nil
}

func language(v string) error {
	for part := range strings.SplitSeq(v, ",") {
		if _, err := strconv.ParseUint(strings.TrimSpace(part), 10, 16); err != nil {
			return fmt.Errorf("%q is no list of language numbers", v)
		}
	}
	return nil
}

// filename is "SHORT.TXT" or "SHORT~1.TXT|Long name.txt"; extra are characters that are allowed, too.
func filename(v, extra string) error {
	short, long, both := strings.Cut(v, "|")
	if both {
		if err := characters(long, `\/?|><:*"`, extra); err != nil {
			return err
		}
	}
	if err := characters(short, `\/?|><:*"+,;=[] `, extra); err != nil {
		return err
	}
	base, extension, _ := strings.Cut(short, ".")
	if strings.ContainsAny(short, extra) && extra != "" {
		return nil // wildcards make any length
	}
	if base == "" || len(base) > 8 || len(extension) > 3 || strings.Contains(extension, ".") {
		return fmt.Errorf("%q is no short name of 8 and 3 characters; write SHORT~1.TXT|Long name.txt", short)
	}
	return nil
}

func characters(name, forbidden, allowed string) error {
	for _, r := range name {
		if strings.ContainsRune(forbidden, r) && !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("%q must not have %q", name, r)
		}
	}
	if strings.TrimSpace(name) == "" {
		return errors.New("the name of a file is empty")
	}
	return nil
}

// path is "C:\dir", "\\server\share" or "[PROPERTY]dir"; an AnyPath may be relative.
func path(v, kind string) error {
	for part := range strings.SplitSeq(v, ";") {
		full := strings.HasPrefix(part, `\\`) || strings.HasPrefix(part, "[") || len(part) > 2 && part[1:3] == `:\`
		if !full && kind != "AnyPath" {
			return fmt.Errorf("%q is no full path", part)
		}
		if strings.ContainsAny(part, `<>"?*`) || kind != "AnyPath" && strings.Contains(part, "|") {
			return fmt.Errorf("%q has a character that no path has", part)
		}
		if err := formatted.Check(part); err != nil {
			return err
		}
	}
	return nil
}

// sddl is a first look at a security descriptor; properties are not allowed in one
// (learn.microsoft.com/windows/win32/msi/formattedsddltext).
func sddl(v string) error {
	for _, r := range formatted.References(v) {
		if r.Kind != formatted.Environment {
			return fmt.Errorf("%s: a security descriptor must not refer to %s", v, r)
		}
	}
	if !regexp.MustCompile(`^([OGDS]:.*)+$`).MatchString(v) || strings.Count(v, "(") != strings.Count(v, ")") {
		return fmt.Errorf("%q is no security descriptor", v)
	}
	return nil
}

// defaultDir is a property for a root, else "." or a name, for target and source.
func defaultDir(r row, v string) error {
	if parent := r.text("Directory_Parent"); parent == "" || parent == r.text("Directory") {
		return identifier(v)
	}
	target, source, both := strings.Cut(v, ":")
	names := []string{target}
	if both {
		names = append(names, source)
	}
	for _, name := range names {
		if name == "." {
			continue
		}
		if err := filename(name, ""); err != nil {
			return err
		}
	}
	return nil
}

func cabinet(v string) error {
	if name, embedded := strings.CutPrefix(v, "#"); embedded {
		return identifier(name)
	}
	return filename(v, "")
}

// shortcut is a Formatted target, or a feature for an advertised shortcut.
func (c *checker) shortcut(v string) error {
	if strings.Contains(v, "[") {
		return formatted.Check(v)
	}
	if _, ok := c.find("Feature", v); !ok {
		return fmt.Errorf("%s is no feature", v)
	}
	return nil
}

// customSource is what CustomAction.Source must name, by the type.
func (c *checker) customSource(r row, v string) error {
	table := actions.Type(r.number("Type")).Source()
	if table == "" {
		return identifier(v)
	}
	if _, ok := c.find(table, v); !ok {
		return fmt.Errorf("%s is in no row of %s", v, table)
	}
	return nil
}
