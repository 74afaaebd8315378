package pack

import (
	"encoding/xml"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/guid"
	"holdfast/installer/product"
)

const code guid.GUID = "{0E1B8C77-95A4-4C5C-8F53-6B0A3E7D9C11}"

func shop() product.Product {
	return product.Product{Name: "Shop", Manufacturer: "Acme", Version: "2.1.0", UpgradeCode: code}
}

// element is any element of a WiX source.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
}

func (e element) get(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// installed is what a fragment puts where: the path below the folder to the source.
func installed(t *testing.T, text []byte) (paths map[string]string, guids map[string]string) {
	t.Helper()
	var root element
	if err := xml.Unmarshal(text, &root); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if root.XMLName.Space != "http://wixtoolset.org/schemas/v4/wxs" || root.XMLName.Local != "Wix" {
		t.Errorf("root %v", root.XMLName)
	}
	directories := map[string]string{"APPDIR": "."}
	ids := map[string]bool{}
	unique := func(id string) {
		if ids[id] || len(id) > 72 || !strings.Contains("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", id[:1]) {
			t.Errorf("id %q is used twice or is none", id)
		}
		ids[id] = true
	}
	var walk func(e element, dir string)
	paths, guids = map[string]string{}, map[string]string{}
	walk = func(e element, dir string) {
		switch e.XMLName.Local {
		case "DirectoryRef":
			dir = directories[e.get("Id")]
		case "Directory":
			unique(e.get("Id"))
			dir = path.Join(dir, e.get("Name"))
			directories[e.get("Id")] = dir
		case "ComponentGroup":
			if e.get("Id") != "AppFiles" {
				t.Errorf("component group %q", e.get("Id"))
			}
		case "Component":
			unique(e.get("Id"))
			in, ok := directories[e.get("Directory")]
			if !ok || len(e.Children) != 1 || e.Children[0].XMLName.Local != "File" || e.Children[0].get("KeyPath") != "yes" {
				t.Fatalf("component %+v", e)
			}
			file := e.Children[0]
			unique(file.get("Id"))
			at := path.Join(in, file.get("Name"))
			paths[at], guids[at] = file.get("Source"), e.get("Guid")
		}
		for _, c := range e.Children {
			walk(c, dir)
		}
	}
	walk(root, "")
	return paths, guids
}

func TestFragment(t *testing.T) {
	files := map[string]string{
		"server.js": "", "a&b's $x%.js": "", "lib/[id].js": "", "lib/deep/er/ÄÖ.js": "", "lib.js": "", "lib-a/x": "", "Zoo/y": "", "lib/deeper/z": "", "商/店": "",
	}
	dir := folder(t, files)
	tree, err := Harvest(dir, target, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fragment(tree, shop())
	if err != nil {
		t.Fatal(err)
	}
	paths, guids := installed(t, text)
	want := map[string]string{}
	for name := range files {
		want[name] = dir + "/" + name
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for name, g := range guids {
		if g != string(shop().FileComponent(name)) || seen[g] {
			t.Errorf("%s: GUID %s", name, g)
		}
		seen[g] = true
	}
	again, err := fragment(tree, shop())
	if err != nil || string(again) != string(text) {
		t.Errorf("twice not the same: %v", err)
	}
}

// A later version must find the components of an earlier one: other files beside it change nothing.
func TestFragmentIsStable(t *testing.T) {
	first := folder(t, map[string]string{"server.js": "1", "Lib/a.js": "1"})
	second := folder(t, map[string]string{"SERVER.js": "2", "lib/A.js": "2", "lib/b.js": "2", "0": ""})
	var ids []map[string]string
	for _, dir := range []string{first, second} {
		tree, err := Harvest(dir, target, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := fragment(tree, shop())
		if err != nil {
			t.Fatal(err)
		}
		_, guids := installed(t, text)
		folded := map[string]string{}
		for name, g := range guids {
			folded[strings.ToLower(name)] = g + " " + identifier("f", name)
		}
		ids = append(ids, folded)
	}
	for _, name := range []string{"server.js", "lib/a.js"} {
		if ids[0][name] != ids[1][name] || ids[0][name] == "" {
			t.Errorf("%s: %s, then %s", name, ids[0][name], ids[1][name])
		}
	}
	if got, want := ids[0]["server.js"], "{8638DC46-7F12-5F2A-BD90-2F7F4E6CFCE0} fa4c65ede64197e1a"; got != want {
		t.Errorf("server.js is %s, want %s: files of installed versions would not be known again", got, want)
	}
}

func TestIdentifiersOfManyFiles(t *testing.T) {
	seen := map[string]string{}
	for i := range 5000 {
		for _, rel := range []string{fmt.Sprintf("node_modules/p%d/index.js", i), fmt.Sprintf("node_modules/p%d", i)} {
			for _, id := range []string{identifier("f", rel), string(shop().FileComponent(rel))} {
				if before, ok := seen[id]; ok {
					t.Fatalf("%s and %s share %s", before, rel, id)
				}
				seen[id] = rel
			}
		}
	}
}

func FuzzIdentifier(f *testing.F) {
	f.Add("server.js", "lib/server.js")
	f.Add("a/b", `a\b`)
	f.Add("ÄÖ", "äö")
	f.Fuzz(func(t *testing.T, a, b string) {
		same := product.FoldPath(a) == product.FoldPath(b)
		for _, x := range [][2]string{{identifier("f", a), identifier("f", b)}, {string(shop().FileComponent(a)), string(shop().FileComponent(b))}} {
			if (x[0] == x[1]) != same {
				t.Errorf("%q is %s, %q is %s", a, x[0], b, x[1])
			}
		}
		if id := identifier("f", a); len(id) != 17 {
			t.Errorf("%q: %q", a, id)
		}
		if g, err := guid.Parse(string(shop().FileComponent(a))); err != nil || g != shop().FileComponent(a) {
			t.Errorf("%q: %v", a, err)
		}
	})
}
