package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strings"

	"holdfast/installer/product"
)

// Component group and directory by which the sources in wix/ and the fragment know each other.
const (
	groupID  = "AppFiles"
	appDirID = "APPDIR"
)

// identifier is the id of a file (f), component (c) or directory (d): always the same for a path,
// short, and different for different paths. kind and 16 hex digits.
func identifier(kind, rel string) string {
	sum := sha256.Sum256([]byte(product.FoldPath(rel)))
	return kind + hex.EncodeToString(sum[:8])
}

// fragment is the WiX source of the packed files: one file per component, as the rules of components
// want it (learn.microsoft.com/windows/win32/msi/organizing-applications-into-components).
func fragment(t *Tree, p product.Product) ([]byte, error) {
	if err := distinct(t); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("<Wix xmlns=\"http://wixtoolset.org/schemas/v4/wxs\">\n  <Fragment>\n")
	writeFolders(&b, t)
	fmt.Fprintf(&b, "    <ComponentGroup Id=%q>\n", groupID)
	for _, f := range t.Files {
		folder := appDirID
		if dir := path.Dir(f.Path); dir != "." {
			folder = identifier("d", dir)
		}
		fmt.Fprintf(&b, "      <Component Id=%q Guid=%q Directory=%q><File Id=%q Name=\"%s\" Source=\"%s\" KeyPath=\"yes\" /></Component>\n",
			identifier("c", f.Path), p.FileComponent(f.Path), folder, identifier("f", f.Path), attribute(path.Base(f.Path)), attribute(f.Source))
	}
	b.WriteString("    </ComponentGroup>\n  </Fragment>\n</Wix>\n")
	return b.Bytes(), nil
}

// writeFolders writes the folders that hold files, as a tree in the order of the files.
func writeFolders(b *bytes.Buffer, t *Tree) {
	indent := func(depth int) string { return strings.Repeat("  ", depth+3) }
	var open []string // the folder whose elements are open, part by part
	closeTo := func(depth int) {
		for len(open) > depth {
			fmt.Fprintf(b, "%s</Directory>\n", indent(len(open)-1))
			open = open[:len(open)-1]
		}
	}
	folders := foldersOf(t)
	if len(folders) == 0 {
		return
	}
	fmt.Fprintf(b, "    <DirectoryRef Id=%q>\n", appDirID)
	for _, dir := range folders {
		parts := strings.Split(dir, "/")
		common := 0
		for common < len(open) && common < len(parts) && open[common] == parts[common] {
			common++
		}
		closeTo(common)
		for i := common; i < len(parts); i++ {
			fmt.Fprintf(b, "%s<Directory Id=%q Name=\"%s\">\n", indent(i), identifier("d", strings.Join(parts[:i+1], "/")), attribute(parts[i]))
			open = append(open, parts[i])
		}
	}
	closeTo(0)
	b.WriteString("    </DirectoryRef>\n")
}

// foldersOf are the folders of the files, each once, so that those within one follow each other.
func foldersOf(t *Tree) []string {
	seen := map[string]bool{}
	var all []string
	for _, f := range t.Files {
		if dir := path.Dir(f.Path); dir != "." && !seen[dir] {
			seen[dir] = true
			all = append(all, dir)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	return all
}

// distinct refuses two paths with one identifier. With 64 bits that is not to be expected of any
// folder, but it would be two files in one place.
func distinct(t *Tree) error {
	seen := map[string]string{}
	for _, rel := range append(foldersOf(t), filePaths(t)...) {
		id := identifier("", rel)
		if before, ok := seen[id]; ok && before != rel {
			return fmt.Errorf("%s and %s get the same identifier %s; rename one of them", before, rel, id)
		}
		seen[id] = rel
	}
	return nil
}

func filePaths(t *Tree) []string {
	all := make([]string, len(t.Files))
	for i, f := range t.Files {
		all[i] = f.Path
	}
	return all
}

// attribute escapes a text for an attribute in double quotes.
func attribute(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
