package msi_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"holdfast/installer/msi"
	"holdfast/installer/wxs"
)

// FuzzCompile: whatever stands in a package, there is a database or there are errors with their places.
func FuzzCompile(f *testing.F) {
	for _, name := range []string{"package.wxs", "dialogs.wxs"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	for _, body := range []string{
		`<Feature Id="A"><FeatureRef Id="A"/></Feature><ComponentGroup Id="G"><ComponentGroupRef Id="G"/></ComponentGroup>`,
		`<Directory Id="A" Name="a"><Directory Id="A" Name="."/></Directory><DirectoryRef Id="A"/>`,
		`<CustomAction Id="A" Property="P" Value="1"/><InstallUISequence><Custom Action="A" After="A"/><Show Dialog="A" OnExit="error"/></InstallUISequence>`,
		inComponent(`<File Id="A" Source="."/><RegistryKey><RegistryKey/></RegistryKey><ServiceControl Id="S" Name=""/>`),
		`<UI><Dialog Id="D" Width="1" Height="1"><Control Id="C" Type="Text" X="0" Y="0" Width="0" Height="0"/></Dialog><Publish/></UI>`,
	} {
		f.Add(sampleHead + body + sampleTail)
	}
	base := f.TempDir()
	f.Fuzz(func(t *testing.T, source string) {
		sources, err := wxs.Load(fstest.MapFS{"a.wxs": {Data: []byte(source)}}, []string{"a.wxs"}, nil, wxs.Options{Arch: "x64"})
		if err != nil {
			return
		}
		db, err := msi.Compile(sources, msi.CompileOptions{Arch: "x64", Base: base})
		if (db == nil) == (err == nil) {
			t.Fatal("either a database or an error")
		}
		all, ok := errors.AsType[wxs.Errors](err)
		if !ok && err != nil {
			t.Fatalf("%T", err)
		}
		for _, e := range all {
			if e.Pos.File == "a.wxs" && (e.Pos.Line < 1 || e.Pos.Column < 1) || e.Pos.File == "" || e.Text == "" {
				t.Errorf("%v", e)
			}
		}
	})
}
