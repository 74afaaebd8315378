package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildVersion is set by build/package with -ldflags -X main.buildVersion=1.2.3.
var buildVersion = "0.0.0-dev" //nolint:gochecknoglobals // the linker can set nothing else

// version is what `holdfast version` prints.
type version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func thisVersion() version {
	v := version{Version: buildVersion, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	return v
}

func newVersionCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this binary",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			return c.show(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "holdfast %s %s/%s %s\n", v.Version, v.OS, v.Arch, v.Go)
				return err
			})
		},
	}
}
