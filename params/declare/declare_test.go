package declare_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/params/declare"
)

type runner interface{ run() string }

type sql struct {
	Conn string `yaml:"conn_id" param:"default=sql_default"`
	SQL  string `yaml:"sql" param:"required,template"`
}

func (s *sql) run() string { return s.Conn + ": " + s.SQL }

type idle struct{}

func (*idle) run() string { return "" }

func sqlSpec() declare.Spec[runner] {
	return declare.Define[runner, sql]("operator", "sql",
		declare.Docs(params.ParseDocs(`{"sql": {"text": "Runs SQL. Much\nmore.\n\nAnd more."}}`)),
		declare.Paths("airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator"),
		declare.Renamed(declare.Alias{
			Path: "airflow.operators.postgres_operator.PostgresOperator",
			Old:  "postgres_conn_id", New: "conn_id", Default: "postgres_default",
		}),
		declare.RejectedParams(map[string]string{"handler": "use success_when", "python_callable*": "no Python"}),
		declare.IgnoredParams("deferrable"),
		declare.RenamedParams(map[string]string{"statement": "sql"}),
		declare.WithExample("One", "sql: select 1"))
}

func idleSpec() declare.Spec[runner] {
	return declare.Define[runner, idle]("operator", "idle",
		declare.Paths("airflow.operators.empty.EmptyOperator", "airflow.operators.dummy.EmptyOperator"))
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return doc.Content[0]
}

func registry(t *testing.T) *declare.Registry[runner] {
	t.Helper()
	r, err := declare.NewRegistry(sqlSpec(), idleSpec())
	require.NoError(t, err)
	return r
}

func TestDecodeThroughAlias(t *testing.T) {
	t.Parallel()
	const path = "airflow.operators.postgres_operator.PostgresOperator"
	for name, tc := range map[string]struct{ spec, yaml, want, problem string }{
		"short name":         {spec: "sql", yaml: "sql: a", want: "sql_default: a"},
		"no arguments":       {spec: "sql", yaml: "{}", problem: `missing parameter "sql" for operator sql`},
		"ignored":            {spec: "sql", yaml: "{sql: a, deferrable: true}", want: "sql_default: a"},
		"rejected":           {spec: "sql", yaml: "{sql: a, handler: x}", problem: `parameter "handler" of operator sql is not supported: use success_when`},
		"rejected by prefix": {spec: "sql", yaml: "{sql: a, python_callable_name: x}", problem: `parameter "python_callable_name" of operator sql is not supported: no Python`},
		"renamed":            {spec: "sql", yaml: "{sql: a, statement: b}", problem: `parameter "statement" of operator sql has another name now: use sql`},
		"old name":           {spec: path, yaml: "{sql: a, postgres_conn_id: pg}", want: "pg: a"},
		"new name":           {spec: path, yaml: "{sql: a, conn_id: pg}", want: "pg: a"},
		"old default":        {spec: path, yaml: "sql: a", want: "postgres_default: a"},
		"old name elsewhere": {spec: "sql", yaml: "{sql: a, postgres_conn_id: pg}", problem: `unknown parameter "postgres_conn_id" for operator sql`},
		"both names":         {spec: path, yaml: "{sql: a, conn_id: x, postgres_conn_id: y}", problem: `parameter "conn_id" appears twice`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, found := registry(t).Lookup(tc.spec)
			require.True(t, found)
			assert.Equal(t, tc.spec, spec.Ref())
			args := node(t, tc.yaml)
			before, _ := yaml.Marshal(args)
			value, problems := spec.Decode(args)
			after, _ := yaml.Marshal(args)
			assert.Equal(t, string(before), string(after), "the node must not change")
			if tc.problem != "" {
				require.Len(t, problems, 1)
				assert.Equal(t, tc.problem, problems[0].Text)
				return
			}
			require.Empty(t, problems)
			assert.Equal(t, tc.want, value.run())
		})
	}
}

func TestRenderThroughSpec(t *testing.T) {
	t.Parallel()
	spec := sqlSpec()
	value, _ := spec.Decode(node(t, "sql: select {{ x }}"))
	rendered, err := spec.Render(value, func(_, text string) (any, error) {
		return strings.ReplaceAll(text, "{{ x }}", "1"), nil
	})
	require.NoError(t, err)
	assert.Equal(t, "sql_default: select 1", rendered.run())
	assert.Equal(t, "sql_default: select {{ x }}", value.run())
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	spec := sqlSpec()
	assert.Equal(t, "Runs SQL.", spec.Summary())
	assert.Equal(t, []string{"conn_id", "sql", "deferrable"}, spec.Params())
	assert.Equal(t, []string{"conn_id", "sql", "postgres_conn_id"}, spec.Claims())
	aliased, _ := registry(t).Lookup("airflow.operators.postgres_operator.PostgresOperator")
	assert.Equal(t, []string{"postgres_conn_id", "sql", "deferrable"}, aliased.Params())
	assert.Equal(t, "postgres_default", aliased.Fields()[0].Default)
	properties := aliased.JSONSchema()["properties"].(map[string]any)
	assert.Contains(t, properties, "postgres_conn_id")
	assert.NotContains(t, properties, "conn_id")
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	r := registry(t)
	for name, want := range map[string]string{
		"sqll":                                 "sql",
		"python":                               "",
		"PostgresOperator":                     "sql",
		"EmptyOperator":                        "idle",
		"EmptiOperator":                        "",
		"airflow.operators.EmptyOp":            "",
		"airflow.empty.EmptyOperator":          "airflow.operators.empty.EmptyOperator",
		"airflow.operators.Postgres":           "",
		"x.PostgressOperator":                  "airflow.operators.postgres_operator.PostgresOperator",
		"airflow.operators.dummy.Emty":         "",
		"airflow.operators.dummy.EmptyOperatr": "airflow.operators.dummy.EmptyOperator",
	} {
		assert.Equal(t, want, r.Suggest(name), name)
	}
}

func TestRegistryRefusesDuplicates(t *testing.T) {
	t.Parallel()
	other := declare.Define[runner, idle]("operator", "other", declare.Paths("airflow.operators.empty.EmptyOperator", ""))
	_, err := declare.NewRegistry(sqlSpec(), idleSpec(), idleSpec(), other)
	require.Error(t, err)
	assert.Contains(t, err.Error(), `operator "idle": the name "idle" is taken by "idle"`)
	assert.Contains(t, err.Error(), `operator "other": the name "airflow.operators.empty.EmptyOperator" is taken by "idle"`)
	assert.Contains(t, err.Error(), `operator "other" has an empty name or path`)
}

func TestSpecsAreSorted(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range registry(t).Specs() {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"idle", "sql"}, names)
	_, found := registry(t).Lookup("SQL")
	assert.False(t, found, "names are compared exactly")
}

func TestDefinePanicsWithoutInterface(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { declare.Define[runner, struct{}]("operator", "x") })
}
