package service

import (
	"strings"
	"testing"
)

func TestStartID(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"as it is made", []string{"Holdfast", StartArgument(id)}, id},
		{"among others", []string{"Holdfast", "x", StartArgument(id), "y"}, id},
		{"none", []string{"Holdfast"}, ""},
		{"nothing at all", nil, ""},
		{"too short", []string{"Holdfast", StartArgument(id[:31])}, ""},
		{"too long", []string{"Holdfast", StartArgument(id + "0")}, ""},
		{"not hexadecimal", []string{"Holdfast", StartArgument(strings.Replace(id, "a", `"`, 1))}, ""},
		{"upper case", []string{"Holdfast", StartArgument(strings.ToUpper(id))}, ""},
		{"another argument", []string{"Holdfast", "--start=" + id}, ""},
	}
	for _, tt := range tests {
		if got := startID(tt.args); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
