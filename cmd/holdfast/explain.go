package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/config"
)

func newExplainCommand(c *console) *cobra.Command {
	var set []string
	cmd := &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Tell where a configuration value comes from",
		Long: `Shows the value of a key and every layer that has it; the last one wins. The layers are, the weakest
first: the defaults, what setup keeps in the registry, the main file, conf.d in the order of its names,
HOLDFAST_SECTION__KEY variables, --set, and on Windows Group Policy. For a section it shows every key
below; without KEY, the whole configuration.

Values of an app's env are masked, and texts made by ${env:NAME} or ${file:PATH} are shown as they
are written.`,
		Example: `  holdfast explain apps.shop.instances
  holdfast explain apps.shop
  HOLDFAST_LOGGING__LEVEL=debug holdfast explain logging -o json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.completeKeys(prefix), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		RunE: func(_ *cobra.Command, args []string) error {
			key := ""
			if len(args) > 0 {
				key = args[0]
			}
			return c.explain(key, set)
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "set one configuration key, as key=value; may be given again")
	return cmd
}

func (c *console) explain(key string, set []string) error {
	id, err := c.identity()
	if err != nil {
		return err
	}
	snapshot, problems := config.Load(c.configOptions(id, set))
	if snapshot == nil {
		if err := problems.Render(c.err, false); err != nil {
			return err
		}
		return &exitError{exitInvalid, errors.New("the configuration cannot be used, so there is nothing to explain")}
	}
	e, known := snapshot.Explain(key)
	if !known {
		return &exitError{exitUsage, fmt.Errorf("unknown key %q: %s", key, snapshot.Suggest(key))}
	}
	return c.show(e, func(w io.Writer) error {
		if len(e.Children) > 0 {
			return table(w, "", keyRows(e, nil))
		}
		return explainKey(w, e)
	})
}

// explainKey writes one key: its value and the layers, the strongest first.
func explainKey(w io.Writer, e config.Explanation) error {
	if e.Source == "not set" {
		_, err := fmt.Fprintf(w, "%s is not set, and has no default.\n", e.Key)
		return err
	}
	if _, err := fmt.Fprintf(w, "%s = %s\n", e.Key, inline(e.Value)); err != nil {
		return err
	}
	rows := make([][]string, 0, len(e.Layers))
	for i := len(e.Layers) - 1; i >= 0; i-- {
		note := "overridden"
		if i == len(e.Layers)-1 {
			note = "in force"
		}
		rows = append(rows, []string{note, inline(e.Layers[i].Value), e.Layers[i].Source})
	}
	return table(w, "  ", rows)
}

// keyRows are the keys below a section with their values and sources.
func keyRows(e config.Explanation, rows [][]string) [][]string {
	if len(e.Children) == 0 {
		return append(rows, []string{e.Key, inline(e.Value), e.Source})
	}
	for _, child := range e.Children {
		rows = keyRows(child, rows)
	}
	return rows
}

// inline is a value in one line.
func inline(v any) string {
	if s, ok := v.(string); ok && s != "" && printable(s) == s && !strings.Contains(s, "\n") {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// completeKeys are the keys that may follow prefix, one level at a time.
func (c *console) completeKeys(prefix string) []cobra.Completion {
	id, err := c.identity()
	if err != nil {
		return nil
	}
	snapshot, _ := config.Load(c.configOptions(id, nil))
	if snapshot == nil {
		return nil
	}
	section := prefix[:strings.LastIndexByte(prefix, '.')+1]
	e, known := snapshot.Explain(section)
	if !known {
		return nil
	}
	var keys []cobra.Completion
	for _, child := range e.Children {
		key := child.Key
		if len(child.Children) > 0 {
			key += "."
		}
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}
