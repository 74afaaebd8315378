package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows/registry"
)

func TestReadSettings(t *testing.T) {
	const name, path = "HfTest-settings", `SOFTWARE\HfTest-settings`
	t.Cleanup(func() {
		if err := registry.DeleteKey(registry.LOCAL_MACHINE, path); err != nil {
			t.Error(err)
		}
	})
	if got, err := readSettings(name); err != nil || len(got) > 0 {
		t.Errorf("no key: %v, %v", got, err)
	}
	key, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close() //nolint:errcheck // a test's
	for name, value := range map[string]string{"Port": "9090", "Address": "", "Other": "x"} {
		if err := key.SetStringValue(name, value); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readSettings(name)
	if d := cmp.Diff(map[string]string{"Port": "9090", "Address": ""}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if err := key.SetDWordValue("DataDir", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := readSettings(name); err == nil || !strings.Contains(err.Error(), "DataDir") {
		t.Errorf("a number: %v", err)
	}
}
