// Package show writes what people see: lists as tables, JSON, YAML or plain lines, lines that
// change, and text of others so that it does no harm on a terminal.
package show

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

	"github.com/dingdag/dingdag/cli/internal/command"
)

// outputs are the forms in which commands list things.
var outputs = []string{"table", "json", "yaml", "plain"} //nolint:gochecknoglobals // a constant

// OutputFlag adds -o to a command that lists things.
func OutputFlag(cmd *cobra.Command, o *string) {
	cmd.Flags().StringVarP(o, "output", "o", "table", strings.Join(outputs, "|"))
	command.CompleteWords(cmd, "output", outputs...)
}

// List is a list to print.
type List struct {
	// Columns are the names of the table's columns.
	Columns []string
	// Drop are the columns that a terminal without room for them does without, the first one
	// first; Wrap are those whose text may take several lines.
	Drop, Wrap []string
	// Zone is that of the moments in the list; a terminal has it once, below the table.
	Zone *time.Location
	// Once is the column whose cells are not said again below each other on a terminal.
	Once string

	rows   [][]string
	values []any
}

// Add adds a row: the value that JSON and YAML show, and the cells of the table.
func (l *List) Add(value any, cells ...string) {
	l.rows = append(l.rows, cells)
	l.values = append(l.values, value)
}

// Facts is an empty list of what is known of one thing, for [List.Fact].
func Facts(zone *time.Location) *List {
	return &List{Columns: []string{"Field", "Value"}, Wrap: []string{"Value"}, Zone: zone}
}

// Fact adds a fact below the others, unless there is nothing to say of it.
func (l *List) Fact(name, value string) {
	if value != "" {
		l.Add(nil, name, value)
	}
}

// Len is how many rows the list has.
func (l *List) Len() int { return len(l.rows) }

// Turned is a list of one row as a table that is read from top to bottom: its columns below
// each other.
func (l *List) Turned() *List {
	out := Facts(nil)
	out.values = l.values
	for i, name := range l.Columns {
		out.rows = append(out.rows, []string{name, l.rows[0][i]})
	}
	return out
}

// Print writes the list in the given form.
func (l *List) Print(w io.Writer, form string) error {
	if l.values == nil {
		l.values = []any{}
	}
	switch form {
	case "json":
		return JSON(w, l.values)
	case "yaml":
		return YAML(w, l.values)
	case "plain":
		for _, r := range hideCells(w, l.rows) {
			for i := range r { // one row is one line
				r[i] = breaks.Replace(r[i])
			}
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
		return command.Usagef("unknown output %q: use %s", form, strings.Join(outputs, ", "))
	}
}

// breaks are what would end a cell or a row before its end.
var breaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ") //nolint:gochecknoglobals // a constant

// Whole writes a value as JSON or YAML, with all that it has, if that is the form. It reports whether it is.
func Whole(w io.Writer, form string, v any) (is bool, err error) {
	switch form {
	case "json":
		return true, JSON(w, v)
	case "yaml":
		return true, YAML(w, v)
	}
	return false, nil
}

// JSON writes a value as indented JSON, with secrets hidden where w hides them.
func JSON(w io.Writer, v any) error {
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

// YAML writes a value as YAML. It goes through JSON so that both forms have the same keys.
func YAML(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w, b = hideJSON(w, b)
	n, err := NodeOfJSON(b)
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

// NodeOfJSON is the YAML of a JSON text: the same keys, and numbers with all of their
// digits.
func NodeOfJSON(text []byte) (*yaml.Node, error) {
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

// CheckOutput refuses an unknown form before any work is done.
func CheckOutput(form string) error {
	if !slices.Contains(outputs, form) {
		return command.Usagef("unknown output %q: use %s", form, strings.Join(outputs, ", "))
	}
	return nil
}

// OneLine is text without line ends: each run of white space is one space.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
