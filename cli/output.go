package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"
)

// outputs are the forms in which commands list things.
var outputs = []string{"table", "json", "yaml", "plain"} //nolint:gochecknoglobals // a constant

// outputFlag adds -o to a command that lists things.
func outputFlag(cmd *cobra.Command, o *string) {
	cmd.Flags().StringVarP(o, "output", "o", "table", strings.Join(outputs, "|"))
	completeWords(cmd, "output", outputs...)
}

// completeWords offers the given words for a flag.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	// The flag was added a line before.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// listing is a list to print: the columns of the table and, for each row, the cells
// and the value that JSON and YAML show.
type listing struct {
	columns []string
	rows    [][]string
	values  []any
	// drop are the columns that a terminal without room for them does without, the first one
	// first; wrap are those whose text may take several lines.
	drop, wrap []string
	// zone is that of the moments in the list; a terminal has it once, below the table.
	zone *time.Location
	// once is the column whose cells are not said again below each other on a terminal.
	once string
}

func (l *listing) add(value any, cells ...string) {
	l.rows = append(l.rows, cells)
	l.values = append(l.values, value)
}

// print writes the list in the given form.
func (l *listing) print(w io.Writer, form string) error {
	if l.values == nil {
		l.values = []any{}
	}
	switch form {
	case "json":
		return printJSON(w, l.values)
	case "yaml":
		return printYAML(w, l.values)
	case "plain":
		for _, r := range hideCells(w, l.rows) {
			if _, err := fmt.Fprintln(w, strings.Join(r, "\t")); err != nil {
				return err
			}
		}
		return nil
	case "table":
		hidden := *l
		hidden.rows = hideCells(w, l.rows)
		return hidden.table(w)
	default:
		return usagef("unknown output %q: use %s", form, strings.Join(outputs, ", "))
	}
}

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	w, text := hideJSON(w, b.Bytes())
	_, err := w.Write(text)
	return err
}

// printYAML goes through JSON so that both forms have the same keys.
func printYAML(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w, b = hideJSON(w, b)
	n, err := nodeOfJSON(b)
	if err != nil {
		return err
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return err
	}
	return e.Close()
}

// nodeOfJSON is the YAML of a JSON text: the same keys, and numbers with all of their
// digits.
func nodeOfJSON(text []byte) (*yaml.Node, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, err
	}
	blockStyle(&n)
	return n.Content[0], nil
}

// blockStyle turns JSON's flow style into YAML's block style.
func blockStyle(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode && len(n.Content) > 0 {
		n.Style = 0
	}
	if n.Kind == yaml.ScalarNode {
		n.Style &^= yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		blockStyle(c)
	}
}

// checkOutput refuses an unknown form before any work is done.
func checkOutput(form string) error {
	if !slices.Contains(outputs, form) {
		return usagef("unknown output %q: use %s", form, strings.Join(outputs, ", "))
	}
	return nil
}
