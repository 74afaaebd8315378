package msi_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"holdfast/installer/msi"
)

func TestVersionInfo(t *testing.T) {
	info := version.Info{FileVersion: [4]uint16{1, 2, 300, 65535}}
	for _, language := range []uint16{0x409, 0x804} {
		if err := info.Set(language, version.Comments, "odd number of characters"); err != nil {
			t.Fatal(err)
		}
	}
	good := info.Bytes()
	if v, l, err := msi.ReadVersionInfo(good); v != "1.2.300.65535" || l != "1033,2052" || err != nil {
		t.Errorf("version %q, languages %q, %v", v, l, err)
	}
	var bare version.Info
	if v, l, err := msi.ReadVersionInfo(bare.Bytes()); v != "0.0.0.0" || l != "" || err != nil {
		t.Errorf("without anything: version %q, languages %q, %v", v, l, err)
	}
	for i := range 60 { // up to behind the fixed part
		if _, _, err := msi.ReadVersionInfo(good[:i]); err == nil {
			t.Errorf("the first %d bytes are let through", i)
		}
	}
	for name, damage := range map[string]func([]byte){
		"signature": func(b []byte) { b[40]++ },
		"name":      func(b []byte) { b[6] = 'X' },
		"length":    func(b []byte) { binary.LittleEndian.PutUint16(b, 0xFFFF) },
		"child":     func(b []byte) { binary.LittleEndian.PutUint16(b[92:], 1) },
	} {
		b := bytes.Clone(good)
		if damage(b); func() bool { _, _, err := msi.ReadVersionInfo(b); return err == nil }() {
			t.Errorf("a damaged %s is let through", name)
		}
	}
}

// TestFileVersion: of several languages Windows takes the neutral one, then English.
func TestFileVersion(t *testing.T) {
	for _, tt := range []struct {
		languages []uint16
		want      string
	}{
		{[]uint16{0x804}, "4.0.0.0"},
		{[]uint16{0x407, 0x804}, "7.0.0.0"},
		{[]uint16{0x407, 0x409, 0x804}, "9.0.0.0"},
		{[]uint16{0, 0x407, 0x409}, "0.0.0.0"},
	} {
		var resources winres.ResourceSet
		for _, language := range tt.languages {
			info := version.Info{FileVersion: [4]uint16{language & 0xF}}
			if err := resources.Set(winres.RT_VERSION, winres.ID(1), language, info.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		var file bytes.Buffer
		if err := resources.WriteToEXE(&file, bytes.NewReader(program(t, [4]uint16{}))); err != nil {
			t.Fatal(err)
		}
		if v, _, err := msi.ReadVersion(bytes.NewReader(file.Bytes())); v != tt.want || err != nil {
			t.Errorf("languages %#x: version %s, want %s, %v", tt.languages, v, tt.want, err)
		}
	}
}

func FuzzFileVersion(f *testing.F) {
	info := version.Info{FileVersion: [4]uint16{1, 2, 3, 4}}
	_ = info.Set(0x409, version.Comments, "x")
	f.Add(program(f, info.FileVersion, 0x409), info.Bytes())
	f.Add(program(f, info.FileVersion), info.Bytes()[:90])
	f.Add([]byte("MZ"), []byte{})
	f.Fuzz(func(t *testing.T, file, info []byte) {
		if v, l, err := msi.ReadVersion(bytes.NewReader(file)); v == "" && l != "" && err == nil {
			t.Errorf("languages %q without a version", l)
		}
		if v, _, err := msi.ReadVersionInfo(info); (v == "") == (err == nil) {
			t.Errorf("version %q, %v", v, err)
		}
	})
}
