package dagfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/yamlvalue"
)

// fakeCatalog has a few operators whose parameters are checked by name only.
type fakeCatalog struct{ operators, callbacks map[string]fakeEntry }

type fakeEntry struct {
	name     string
	params   []string
	required []string
	sensor   bool
}

func newFakeCatalog() fakeCatalog {
	bash := fakeEntry{name: "bash", params: []string{"bash_command", "env", "append_env", "cwd"}, required: []string{"bash_command"}}
	email := fakeEntry{name: "email", params: []string{"to", "subject"}, required: []string{"to"}}
	return fakeCatalog{
		operators: map[string]fakeEntry{
			"bash":                                  bash,
			"airflow.operators.bash.BashOperator":   bash,
			"empty":                                 {name: "empty"},
			"airflow.operators.empty.EmptyOperator": {name: "empty"},
			"http":                                  {name: "http", params: []string{"endpoint", "data", "http_conn_id"}},
			"file_sensor":                           {name: "file_sensor", params: []string{"filepath"}, required: []string{"filepath"}, sensor: true},
			"choice":                                {name: "choice", params: []string{"choose"}},
			"slack":                                 {name: "slack", params: []string{"timeout", "message"}},
		},
		callbacks: map[string]fakeEntry{
			"dingding": {name: "dingding", params: []string{"message_type", "message", "dingding_conn_id"}},
			"airflow.providers.smtp.notifications.smtp.SmtpNotifier": email,
			"email": email,
		},
	}
}

func (c fakeCatalog) Operator(name string) (Entry, bool, string) { return findFake(c.operators, name) }

func (c fakeCatalog) Callback(name string) (Entry, bool, string) { return findFake(c.callbacks, name) }

func (c fakeCatalog) Trigger(name string) (Entry, bool, string) {
	return findFake(map[string]fakeEntry{"dingtalk": {name: "dingtalk", params: []string{"kind", "regex"}}}, name)
}

func findFake(entries map[string]fakeEntry, name string) (Entry, bool, string) {
	if e, ok := entries[name]; ok {
		return e, true, ""
	}
	names := func(yield func(string) bool) {
		for n := range entries {
			if !yield(n) {
				return
			}
		}
	}
	return nil, false, strings.TrimPrefix(yamlvalue.DidYouMean(name, names), "; ")
}

func (c fakeCatalog) OperatorParams() []string {
	var all []string
	for _, e := range c.operators {
		all = append(all, e.params...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (c fakeCatalog) Refused(param string) string { return fakeEntry{}.Refused(param) }

// Refused knows two parameters.
func (e fakeEntry) Refused(param string) string {
	return map[string]string{"python_callable": "Python code cannot run here", "execution_date_fn": "use execution_delta"}[param]
}

func (e fakeEntry) Name() string     { return e.name }
func (e fakeEntry) Params() []string { return e.params }
func (e fakeEntry) Sensor() bool     { return e.sensor }

// Schema knows env as a mapping of texts, and the others as text.
func (e fakeEntry) Schema(param string) map[string]any {
	switch param {
	case "env":
		return map[string]any{"anyOf": []any{map[string]any{"type": "object"}, keys.SchemaOf("null")}}
	case "append_env":
		return keys.SchemaOf("boolean")
	case "data":
		return nil
	}
	return keys.SchemaOf("string")
}

func (e fakeEntry) Check(args *yaml.Node) []Problem {
	var problems []Problem
	missing := slices.Clone(e.required)
	for k := range yamlvalue.Pairs(args) {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == k.Value })
		if !slices.Contains(e.params, k.Value) {
			problems = append(problems, Problem{
				Line: k.Line, Column: k.Column,
				Text: fmt.Sprintf("unknown parameter %q for operator %s%s", k.Value, e.name, yamlvalue.DidYouMean(k.Value, slices.Values(e.params))),
			})
		}
	}
	for _, name := range missing {
		problems = append(problems, Problem{Field: name, Text: fmt.Sprintf("parameter %q is missing", name)})
	}
	return problems
}

// Targets are those of the operator choice.
func (e fakeEntry) Targets(args *yaml.Node) (ids []string) {
	if _, list := yamlvalue.Lookup(args, "choose"); e.name == "choice" && list != nil {
		for _, n := range list.Content {
			ids = append(ids, n.Value)
		}
	}
	return ids
}

// testNow is the moment of loading in tests: a Wednesday.
var testNow = time.Date(2024, 5, 15, 10, 30, 0, 0, time.UTC)

func testOptions() Options { return Options{Now: func() time.Time { return testNow }} }

func parseText(text string) ([]*dag.DAG, dag.Diagnostics) {
	return Parse("dags/a.yaml", []byte(text), newFakeCatalog(), testOptions())
}

// mustParse returns the only DAG of a file without errors.
func mustParse(t *testing.T, text string) *dag.DAG {
	t.Helper()
	dags, found := parseText(text)
	require.False(t, found.HasErrors(), found.String())
	require.Len(t, dags, 1)
	return dags[0]
}

// edges lists the edges as "up->down", sorted.
func edges(d *dag.DAG) string {
	var list []string
	for _, t := range d.Tasks {
		for _, down := range t.Downstream {
			list = append(list, t.ID+"->"+d.Tasks[down].ID)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
