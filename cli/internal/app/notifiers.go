package app

import (
	"errors"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
)

// OnImportError reads the setting: what is wrong with it is one error with its place.
func (a *App) OnImportError(c catalog.Catalog) ([]dag.Callback, error) {
	set := a.Settings.OnImportError
	if set.Node == nil {
		return nil, nil
	}
	o, err := a.DAGs.Options()
	if err != nil {
		return nil, err
	}
	list, found := dagfile.ParseCallbacks(set.From, "on_import_error", set.Node, c, o)
	for _, d := range found {
		if d.Severity != dag.Error {
			a.Log().Warn("settings", "problem", d.String())
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
