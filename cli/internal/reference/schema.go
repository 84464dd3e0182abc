package reference

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag/dagfile/schema"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/params/declare"
)

// NewSchema makes the command schema.
func NewSchema(a *app.App) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of DAG files, for editors",
		Long: `Prints the JSON Schema (2020-12) of DAG files with the parameters of every operator and
notifier. An editor with a YAML language server completes and checks DAG files by it.`,
		Example: `  dingdag schema -o dag.schema.json
  # then begin a DAG file with the line:
  # yaml-language-server: $schema=dag.schema.json`,
		Args: command.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runSchema(a, path) },
	}
	cmd.Flags().StringVarP(&path, "output", "o", "", "file to write (default standard output)")
	return cmd
}

func runSchema(a *app.App, path string) error {
	whole, err := dagFiles(a)
	if err != nil {
		return err
	}
	if path == "" {
		return show.JSON(a.Out, whole)
	}
	var b bytes.Buffer
	if err := show.JSON(&b, whole); err != nil {
		return err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil { //nolint:gosec // a schema is for everyone to read
		return fmt.Errorf("write the schema: %w", command.WithoutOp(err))
	}
	return nil
}

// dagFiles is the JSON Schema of DAG files.
func dagFiles(a *app.App) (map[string]any, error) {
	ops, err := a.Operators()
	if err != nil {
		return nil, err
	}
	cbs, err := a.Notifiers()
	if err != nil {
		return nil, err
	}
	own, err := customOperators(a)
	if err != nil {
		return nil, err
	}
	entries := entrySchemas(ops.Specs(), ops.Lookup)
	for _, o := range own {
		entries = append(entries, schema.Entry{Names: append([]string{o.Name}, o.Aliases...), Params: o.JSONSchema()})
	}
	return schema.Of(entries, entrySchemas(cbs.Specs(), cbs.Lookup), operator.NoDriverParams()...), nil
}

// entrySchemas describes specs. A dotted path that calls a parameter by another name
// is an entry of its own.
func entrySchemas[I any](specs []declare.Spec[I], lookup func(string) (declare.Spec[I], bool)) []schema.Entry {
	var entries []schema.Entry
	for _, s := range specs {
		names := []string{s.Name}
		for _, alias := range s.Aliases {
			if via, ok := lookup(alias.Path); ok && via.Ref() != s.Name {
				entries = append(entries, schema.Entry{Names: []string{alias.Path}, Params: via.JSONSchema(), Sensor: via.Sensor})
				continue
			}
			names = append(names, alias.Path)
		}
		entries = append(entries, schema.Entry{Names: names, Params: s.JSONSchema(), Sensor: s.Sensor})
	}
	return entries
}
