package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"holdfast/installer/msi/transform"
)

// maxProperties bounds the file of properties.
const maxProperties = 1 << 20

func newTransformCommand(c *console) *cobra.Command {
	var file, out string
	cmd := &cobra.Command{
		Use:   "transform FILE [PROPERTY=VALUE...]",
		Short: "Make a transform (.mst) that sets properties, for Group Policy and fleets",
		Long: `Makes a transform that gives properties of the package other values at installation. It applies to
every version of the product, for each architecture. A property that the package does not take, or a
value that it would refuse, is refused here.`,
		Example: `  installer transform holdfast-1.2.3-x64.msi --properties fleet.yaml --out fleet.mst
  installer transform holdfast-1.2.3-x64.msi HF_PORT=8443 HF_STARTTYPE=delayed --out fleet.mst
  msiexec /i holdfast-1.2.3-x64.msi TRANSFORMS=fleet.mst /qn`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			properties, err := assignments(args[1:])
			if err != nil {
				return err
			}
			return c.transform(cmd.Context(), args[0], file, out, properties)
		},
	}
	cmd.Flags().StringVar(&file, "properties", "", "YAML file of NAME: value")
	cmd.Flags().StringVar(&out, "out", "", "the transform (default: the package's name with .mst)")
	return cmd
}

func (c *console) transform(ctx context.Context, file, properties, out string, given map[string]string) error {
	all := map[string]string{}
	if properties != "" {
		var err error
		if all, err = readProperties(properties); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	for name, value := range given {
		all[name] = value
	}
	if len(all) == 0 {
		return &exitError{exitUsage, fmt.Errorf("which properties? Give --properties FILE or NAME=VALUE")}
	}
	if out == "" {
		out = strings.TrimSuffix(file, ".msi") + ".mst"
	}
	db, err := read(ctx, file)
	if err != nil {
		return err
	}
	if err := transform.Write(ctx, db, all, out); err != nil {
		return err
	}
	_, err = fmt.Fprint(c.out, transformed(file, out, all))
	return err
}

// transformed tells what was made, and what to do with it in the folder of both files.
func transformed(file, out string, all map[string]string) string {
	return fmt.Sprintf("%s sets %s\nNext: msiexec /i %s TRANSFORMS=%s /qn\n",
		out, strings.Join(slices.Sorted(maps.Keys(all)), ", "), filepath.Base(file), filepath.Base(out))
}

// readProperties is a YAML mapping of names to single values, which are taken as they are written:
// 0080 stays 0080.
func readProperties(file string) (map[string]string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxProperties {
		return nil, fmt.Errorf("%s: more than %d bytes", file, maxProperties)
	}
	data, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: write one NAME: value a line", file)
	}
	all := map[string]string{}
	pairs := document.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
			return nil, fmt.Errorf("%s:%d:%d: %s: write a single value", file, value.Line, value.Column, name.Value)
		}
		if _, twice := all[name.Value]; twice {
			return nil, fmt.Errorf("%s:%d:%d: %s is there twice", file, name.Line, name.Column, name.Value)
		}
		all[name.Value] = value.Value
	}
	return all, nil
}
