package resources_test

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"holdfast/assets"
	"holdfast/installer/resources"
)

// program builds a program of a few lines for Windows.
func program(t *testing.T, goarch string) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "shop.exe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", exe, source)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

func shop() resources.Resources {
	return resources.Resources{
		Version: "2.1.0", Company: "Acme Müller", Product: "Acme Shop", Description: "Acme 商店 service",
		Copyright: "© Acme", Icon: assets.Icon(),
	}
}

func TestApply(t *testing.T) {
	for _, goarch := range []string{"amd64", "arm64"} {
		t.Run(goarch, func(t *testing.T) {
			exe := program(t, goarch)
			before := sections(t, exe)
			if err := resources.Apply(exe, shop()); err != nil {
				t.Fatal(err)
			}
			first, err := os.ReadFile(exe)
			if err != nil {
				t.Fatal(err)
			}
			after := sections(t, exe)
			for name, data := range before {
				if !bytes.Equal(after[name], data) {
					t.Errorf("section %s has changed", name)
				}
			}
			if len(after[".rsrc"]) == 0 {
				t.Fatal("no section .rsrc")
			}
			checkVersion(t, exe)
			checkIconAndManifest(t, exe)

			// Once more on top of the first: nothing is left of the old resources, nothing piles up.
			if err := resources.Apply(exe, shop()); err != nil {
				t.Fatal(err)
			}
			second, err := os.ReadFile(exe)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second) {
				t.Error("the same executable and resources gave other bytes")
			}
			other := shop()
			other.Version = "2.1.1"
			if err := resources.Apply(exe, other); err != nil {
				t.Fatal(err)
			}
			if got := load(t, exe).Get(winres.RT_VERSION, winres.ID(1), 0x409); !bytes.Contains(got, utf16("2.1.1.0")) || bytes.Contains(got, utf16("2.1.0.0")) {
				t.Error("the old version stayed")
			}
			if left, err := filepath.Glob(exe + ".*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// checkVersion reads VERSIONINFO back, and its fixed part by hand: that is what Windows Installer
// compares (learn.microsoft.com/windows/win32/api/verrsrc/ns-verrsrc-vs_fixedfileinfo).
func checkVersion(t *testing.T, exe string) {
	t.Helper()
	raw := load(t, exe).Get(winres.RT_VERSION, winres.ID(1), 0x409)
	info, err := version.FromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Info map[string]map[string]string `json:"info"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"0409": {
		"CompanyName": "Acme Müller", "FileDescription": "Acme 商店 service", "FileVersion": "2.1.0.0",
		"InternalName": "shop", "LegalCopyright": "© Acme", "OriginalFilename": "shop.exe",
		"ProductName": "Acme Shop", "ProductVersion": "2.1.0",
	}}
	if diff := cmp.Diff(want, got.Info); diff != "" {
		t.Errorf("version strings (-want +got):\n%s", diff)
	}
	at := bytes.Index(raw, []byte{0xBD, 0x04, 0xEF, 0xFE}) // VS_FIXEDFILEINFO.dwSignature
	if at < 0 {
		t.Fatal("no VS_FIXEDFILEINFO")
	}
	for name, offset := range map[string]int{"file": at + 8, "product": at + 16} {
		ms, ls := binary.LittleEndian.Uint32(raw[offset:]), binary.LittleEndian.Uint32(raw[offset+4:])
		if ms != 2<<16|1 || ls != 0 {
			t.Errorf("%s version: %08x %08x", name, ms, ls)
		}
	}
	if !bytes.Contains(raw, append(utf16("Translation"), 0, 0)) {
		t.Error("no translation: Windows finds no strings without it")
	}
}

func checkIconAndManifest(t *testing.T, exe string) {
	t.Helper()
	set := load(t, exe)
	icon, err := set.GetIcon(winres.ID(1))
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := icon.SaveICO(&back); err != nil {
		t.Fatal(err)
	}
	if want, err := winres.LoadICO(bytes.NewReader(assets.Icon())); err != nil {
		t.Fatal(err)
	} else {
		var again bytes.Buffer
		if err := want.SaveICO(&again); err != nil || !bytes.Equal(again.Bytes(), back.Bytes()) {
			t.Errorf("the icon is another one (%v)", err)
		}
	}
	raw := set.Get(winres.RT_MANIFEST, winres.ID(1), 0x409)
	if err := xml.Unmarshal(raw, new(struct{})); err != nil {
		t.Fatalf("manifest: %v", err)
	}
	m, err := winres.AppManifestFromXML(raw)
	if err != nil {
		t.Fatal(err)
	}
	if m.ExecutionLevel != winres.AsInvoker || m.Compatibility != winres.Win10AndAbove || !m.LongPathAware || m.AutoElevate || m.UIAccess {
		t.Errorf("manifest: %+v", m)
	}
	for _, want := range []string{`level="asInvoker"`, "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}", "longPathAware"} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("manifest without %s", want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	good := program(t, "amd64")
	text := filepath.Join(t.TempDir(), "text.exe")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		exe    string
		change func(*resources.Resources)
		want   string
	}{
		{"no version", good, func(r *resources.Resources) { r.Version = "" }, `version ""`},
		{"letters", good, func(r *resources.Resources) { r.Version = "1.2.3-dev" }, "such as 1.2.3"},
		{"five numbers", good, func(r *resources.Resources) { r.Version = "1.2.3.4.5" }, "at most 4"},
		{"too large", good, func(r *resources.Resources) { r.Version = "1.65536" }, "65535"},
		{"leading zero", good, func(r *resources.Resources) { r.Version = "1.02" }, "such as 1.2.3"},
		{"sign", good, func(r *resources.Resources) { r.Version = "+1" }, "such as 1.2.3"},
		{"picture instead of an icon", good, func(r *resources.Resources) { r.Icon = []byte("\x89PNG\r\n\x1a\n") }, ".ico"},
		{"icon without pictures", good, func(r *resources.Resources) { r.Icon = []byte{0, 0, 1, 0, 0, 0} }, ".ico"},
		{"icon cut short", good, func(r *resources.Resources) { r.Icon = assets.Icon()[:100] }, ".ico"},
		{"zero in a text", good, func(r *resources.Resources) { r.Company = "a\x00b" }, "CompanyName"},
		{"no program", text, func(*resources.Resources) {}, "executable for Windows"},
		{"no file", filepath.Join(t.TempDir(), "none.exe"), func(*resources.Resources) {}, "none.exe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, _ := os.ReadFile(tt.exe)
			r := shop()
			tt.change(&r)
			err := resources.Apply(tt.exe, r)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply: %v, want %q in it", err, tt.want)
			}
			if after, _ := os.ReadFile(tt.exe); !bytes.Equal(before, after) {
				t.Error("the file has changed")
			}
		})
	}
}

// An executable without an icon, or with texts left out, is still one with a version.
func TestApplyLittle(t *testing.T) {
	exe := program(t, "amd64")
	if err := resources.Apply(exe, resources.Resources{Version: "7"}); err != nil {
		t.Fatal(err)
	}
	set := load(t, exe)
	if set.Get(winres.RT_GROUP_ICON, winres.ID(1), 0x409) != nil {
		t.Error("an icon out of nowhere")
	}
	if raw := set.Get(winres.RT_VERSION, winres.ID(1), 0x409); !bytes.Contains(raw, utf16("7.0.0.0")) || bytes.Contains(raw, utf16("CompanyName")) {
		t.Error("version is not the one of the request")
	}
}

func load(t *testing.T, exe string) *winres.ResourceSet {
	t.Helper()
	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	set, err := winres.LoadFromEXE(f)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sections are the bytes of all sections but the resources, and that debug/pe reads the file at all.
func sections(t *testing.T, exe string) map[string][]byte {
	t.Helper()
	f, err := pe.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	all := map[string][]byte{}
	for _, s := range f.Sections {
		if all[s.Name], err = s.Data(); err != nil {
			t.Fatalf("section %s: %v", s.Name, err)
		}
	}
	return all
}

func utf16(s string) []byte {
	var b []byte
	for _, r := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(r))
	}
	return b
}
