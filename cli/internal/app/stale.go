package app

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/yamlvalue"
)

// SettingsProblems says what settings name that does not exist, and which windows of maintenance are over, each
// with its place. What can't be read leaves out what it would tell.
func (a *App) SettingsProblems(ctx context.Context) (problems []string, err error) {
	if _, err := a.ReadSettings(); err != nil {
		return nil, err
	}
	told := map[string][]dag.Callback{"on_import_error": a.checked.onImportError}
	if a.checked.daily != nil {
		told["daily_digest"] = a.checked.daily.To
	}
	conns, unread := a.ConnectionIDs(ctx)
	connection := func(place, id string) {
		if unread == nil && !slices.Contains(conns, id) {
			problems = append(problems, fmt.Sprintf("%sthere is no connection %q%s", place, id, yamlvalue.DidYouMean(id, slices.Values(conns))))
		}
	}
	files := map[string]string{"on_import_error": a.Settings.OnImportError.From, "daily_digest": a.Settings.DailyDigest.From}
	for _, setting := range []string{"daily_digest", "on_import_error"} {
		for _, c := range told[setting] {
			if c.Args == nil || c.Args.Kind != yaml.MappingNode {
				continue
			}
			for key, value := range yamlvalue.Pairs(c.Args) {
				if v := yamlvalue.Resolve(value); strings.HasSuffix(key.Value, "_conn_id") && v.Kind == yaml.ScalarNode && !strings.Contains(v.Value, "{{") {
					connection(fmt.Sprintf("%s:%d:%d: %s: ", files[setting], v.Line, v.Column, setting), v.Value)
				}
			}
		}
	}
	if len(a.checked.maintenance) == 0 {
		return problems, nil
	}
	ix, err := a.DAGs.Index()
	if err != nil {
		return nil, err
	}
	var dags []string
	for _, d := range ix.DAGs() {
		dags = append(dags, d.ID)
	}
	for i, w := range a.checked.maintenance {
		place := a.checked.places[i]
		if w.Begins == nil && !w.Until.After(a.Clock()) {
			problems = append(problems, fmt.Sprintf("%sthe window is over since %s: remove it", place, a.Date(w.Until)))
		}
		for _, pattern := range w.DAGs {
			matches := func(id string) bool { ok, err := path.Match(pattern, id); return ok && err == nil }
			if !ix.HasErrors() && !slices.ContainsFunc(dags, matches) {
				problems = append(problems, fmt.Sprintf("%sno DAG matches %q%s", place, pattern, yamlvalue.DidYouMean(pattern, slices.Values(dags))))
			}
		}
		for _, id := range w.Robots {
			connection(place, id)
		}
	}
	return problems, nil
}
