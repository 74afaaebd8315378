package service

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/windows/registry"
)

func TestDataFolderIsRemembered(t *testing.T) {
	name := fmt.Sprintf("HfTest-places-%d", os.Getpid())
	path := `SOFTWARE\` + name
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := key.Close(); err != nil {
			t.Error(err)
		}
		if err := registry.DeleteKey(registry.LOCAL_MACHINE, path); err != nil {
			t.Error(err)
		}
	})
	own := programData() + `\` + name
	tests := []struct {
		name string
		set  func() error
		want string
		err  string
	}{
		{"nothing", func() error { return nil }, own, ""},
		{"empty", func() error { return key.SetStringValue("DataDir", "") }, own, ""},
		{"as Windows Installer writes folders", func() error { return key.SetStringValue("DataDir", `D:\Data\Holdfast\`) }, `D:\Data\Holdfast`, ""},
		{"no full path", func() error { return key.SetStringValue("DataDir", `Holdfast`) }, "", "DataDir: folder \"Holdfast\": write a full path"},
		{"somebody else's machine", func() error { return key.SetStringValue("DataDir", `\\host\share`) }, "", "correct the value or remove it"},
		{"a number", func() error { return key.SetDWordValue("DataDir", 7) }, "", `registry HKLM\SOFTWARE\` + name},
	}
	for _, tt := range tests {
		if err := tt.set(); err != nil {
			t.Fatal(err)
		}
		id, err := NewIdentity(name)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || id.DataDir() != tt.want || id.ConfigFile() != tt.want+`\holdfast.yaml` || id.LogDir() != tt.want+`\logs` {
			t.Errorf("%s: got %s, %s, %s, %v", tt.name, id.DataDir(), id.ConfigFile(), id.LogDir(), err)
		}
		if id.Endpoint() != `\\.\pipe\`+name {
			t.Errorf("%s: endpoint %s", tt.name, id.Endpoint())
		}
		// The service finds the folder where its installer did: it is told nothing more.
		if args := strings.Join(id.RunArguments(), " "); args != "run --name "+name {
			t.Errorf("%s: arguments %s", tt.name, args)
		}
	}
}
