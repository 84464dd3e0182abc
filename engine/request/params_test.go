package request_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/template"
)

// The rules of Airflow's params: JSON types, and formats that are checked.
func TestCheckParam(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schema map[string]any
		value  any
		want   string
	}{
		"bool is no integer":   {map[string]any{"type": "integer"}, true, "got boolean, want integer"},
		"1.0 is an integer":    {map[string]any{"type": "integer"}, 1.0, ""},
		"1.5 is none":          {map[string]any{"type": "integer"}, 1.5, "got number, want integer"},
		"text is no number":    {map[string]any{"type": "number"}, "42", "got string, want number"},
		"null where allowed":   {map[string]any{"type": []any{"null", "string"}}, nil, ""},
		"null where not":       {map[string]any{"type": "string"}, nil, "got null, want string"},
		"range":                {map[string]any{"minimum": 3}, 2, "minimum"},
		"enum":                 {map[string]any{"enum": []any{"a", "b"}}, "c", "must be one of"},
		"pattern":              {map[string]any{"pattern": "^x"}, "y", "pattern"},
		"date":                 {map[string]any{"format": "date"}, "2026-02-30", "date"},
		"date-time":            {map[string]any{"format": "date-time"}, "2026-02-01T00:00:00Z", ""},
		"time":                 {map[string]any{"format": "time"}, "08:30:00", ""},
		"time with a zone":     {map[string]any{"format": "time"}, "08:30:00Z", "HH:MM:SS"},
		"time of one digit":    {map[string]any{"format": "time"}, "8:3:5", ""},
		"time with a fraction": {map[string]any{"format": "time"}, "08:30:00.5", "HH:MM:SS"},
		"time at 24":           {map[string]any{"format": "time"}, "24:00:00", "HH:MM:SS"},
		"leap second":          {map[string]any{"format": "time"}, "08:30:60", "HH:MM:SS"},
		"place in a list":      {map[string]any{"items": map[string]any{"type": "string"}}, []any{"a", 1}, "1: got number, want string"},
		"a reference":          {map[string]any{"$ref": "#/$defs/x", "$defs": map[string]any{"x": map[string]any{"type": "string"}}}, 1, "got number, want string"},
		"one to a file":        {map[string]any{"$ref": "other.json"}, 1, "other.json is outside the schema: a $ref must name a part of it"},
		"exact large integers": {map[string]any{"const": json.Number("9007199254740993")}, json.Number("9007199254740993"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := request.CheckParam(c.schema, c.value)
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// nop is an operator without parameters.
type nop struct{}

// Execute does nothing.
func (*nop) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// Params are checked before a run is created; conf goes before the DAG's default.
func TestTriggerChecksParams(t *testing.T) {
	t.Parallel()
	ops, err := operator.NewRegistry(operator.Define[nop]("nop"))
	require.NoError(t, err)
	ds, found := dagfile.Parse("d.yaml", []byte(`
d:
  params:
    day: {__type__: airflow.sdk.Param, type: string, format: date}
    n: {__type__: airflow.sdk.Param, default: 3, type: integer, minimum: 1}
    free: anything
  tasks: [{task_id: t, operator: nop}]
`), catalog.Catalog{Operators: ops, Templates: template.New(template.Options{})}, dagfile.Options{})
	require.False(t, found.HasErrors(), found.String())
	for name, c := range map[string]struct{ conf, want string }{
		"no value":     {``, `param "day" has no default: give it in conf`},
		"wrong value":  {`{"day": "2026-01-31", "n": 0}`, `param "n": minimum`},
		"good":         {`{"day": "2026-01-31", "n": 7, "free": 1}`, ``},
		"default used": {`{"day": "2026-01-31"}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := request.Trigger{Conf: json.RawMessage(c.conf)}
			_, err := asked.NewRun(ds[0], time.Now(), time.Millisecond)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// worded is an operator with a text.
type worded struct {
	// Text is rendered.
	Text string `yaml:"text" param:"template"`
}

// Execute does nothing.
func (*worded) Execute(context.Context, *operator.TaskContext) (any, error) { return nil, nil }

// A key of a conf that is no param is warned of, unless a template names it.
func TestUnknownConf(t *testing.T) {
	t.Parallel()
	ops, err := operator.NewRegistry(operator.Define[worded]("worded"))
	require.NoError(t, err)
	load := func(params string) *dag.DAG {
		ds, found := dagfile.Parse("d.yaml", []byte("d:\n"+params+`
  tasks:
    - {task_id: t, operator: worded, text: "{{ dag_run.conf['who'] }}", params: {own: 1}}
    - {task_id: u, operator: worded, text: plain}
`), catalog.Catalog{Operators: ops, Templates: template.New(template.Options{})}, dagfile.Options{})
		require.False(t, found.HasErrors(), found.String())
		return ds[0]
	}
	conf := json.RawMessage(`{"day": 1, "own": 2, "who": "ann", "plain": 3, "dya": 4}`)
	assert.Equal(t, []string{
		`conf: the DAG has no param "dya"; did you mean "day"?; only dag_run.conf holds it`,
		`conf: the DAG has no param "plain"; only dag_run.conf holds it`,
	}, request.UnknownConf(load("  params: {day: monday}"), conf))
}
