package cli

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/yamlvalue"
)

// notifiers is the value of a setting that names notifiers as a callback key of a DAG file
// does.
type notifiers struct {
	node *yaml.Node // nil for none
	from string     // the file or variable that it stands in
}

// notifierSetting is a setting whose value is YAML: the name of a notifier, a mapping, or a
// list of these.
func notifierSetting(key, doc string) setting {
	return setting{key: key, doc: doc, structured: true, set: func(c *Config, v string) error {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(v), &n); err != nil {
			at, text := yamlvalue.Explain([]byte(v), err)
			return fmt.Errorf("line %d, column %d: %s", at.Line, at.Column, text)
		}
		if n.Kind == yaml.DocumentNode {
			c.OnImportError.node = n.Content[0]
		}
		return nil
	}}
}

// onImportError reads the setting: what is wrong with it is one error with its place.
func (a *app) onImportError(c catalog.Catalog) ([]dag.Callback, error) {
	set := a.cfg.OnImportError
	if set.node == nil {
		return nil, nil
	}
	o, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	list, found := dagfile.ParseCallbacks(set.from, "on_import_error", set.node, c, o)
	for _, d := range found {
		if d.Severity != dag.Error {
			a.log().Warn("settings", "problem", d.String())
		}
	}
	if found.HasErrors() {
		return nil, command.UsageError{Err: errors.New(errorsOf(found))}
	}
	return list, nil
}

// errorsOf are the errors among findings, a line each.
func errorsOf(found dag.Diagnostics) (text string) {
	for _, d := range found {
		if d.Severity == dag.Error {
			if text != "" {
				text += "\n"
			}
			text += d.String()
		}
	}
	return text
}
