package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/params"
)

// The tables of names and parameters that DAG files for Airflow and dag-factory bring,
// against what is registered. They lie in testdata/dialect.

func dialectCatalog(t *testing.T) catalog.Catalog {
	t.Helper()
	c, err := newApp(t, io.Discard, io.Discard).Catalog()
	require.NoError(t, err)
	return c
}

// dialect returns the lines of a table without comments.
func dialect(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "dialect", name))
	require.NoError(t, err)
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

func TestDialectNames(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	for _, line := range dialect(t, "operators.txt") {
		names := strings.Fields(line)
		for _, name := range names {
			path, conn, renamed := strings.Cut(name, "=")
			spec, found := c.Operators.Lookup(path)
			if !assert.True(t, found, path) {
				continue
			}
			assert.Equal(t, names[0], spec.Name, path)
			if renamed {
				assert.Contains(t, spec.Params(), conn, path)
				i := slices.IndexFunc(spec.Fields(), func(f params.Field) bool { return f.Name == conn })
				require.GreaterOrEqual(t, i, 0, path)
				assert.Equal(t, strings.TrimSuffix(conn, "conn_id")+"default", spec.Fields()[i].Default, path)
			}
		}
	}
	for _, line := range dialect(t, "notifiers.txt") {
		names := strings.Fields(line)
		for _, name := range names {
			spec, found := c.Callbacks.Lookup(name)
			if assert.True(t, found, name) {
				assert.Equal(t, names[0], spec.Name, name)
			}
		}
	}
}

// What is known and not supported is refused by name, with what to use instead, which
// must exist.
func TestDialectRejectedNames(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	for _, name := range dialect(t, "rejected.txt") {
		_, found, hint := c.Operator(name)
		assert.False(t, found, name)
		assert.Regexp(t, `(use|through|name) .*\b(bash|http|dingding|email|branch|parameter python|short_circuit|sql_check|bash_sensor|task group)\b`, hint, name)
		assert.NotContains(t, hint, "ssh", name)
	}
	for _, name := range dialect(t, "rejected_notifiers.txt") {
		_, found, hint := c.Callback(name)
		assert.False(t, found, name)
		assert.Contains(t, hint, "use dingding, http or email", name)
	}
}

// The advice for what only Python can do, through the loader.
func TestDialectAdvice(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	for class, want := range map[string]string{
		"airflow.operators.python.PythonVirtualenvOperator":                     "name its interpreter in the parameter python",
		"airflow.operators.branch.BaseBranchOperator":                           "use branch",
		"airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator": "run them through bash or http",
		"airflow.providers.docker.operators.docker.DockerOperator":              "run them through bash or http",
		"airflow.operators.subdag.SubDagOperator":                               "use a task group",
	} {
		text := "a:\n  tasks:\n    t: {operator: " + class + "}\n"
		_, found := dagfile.Parse("a.yaml", []byte(text), c, dagfile.Options{Now: time.Now})
		require.Len(t, found, 1, class)
		assert.Equal(t, []int{3, 19}, []int{found[0].Line, found[0].Column})
		assert.Contains(t, found[0].Text, "unknown operator ")
		assert.Contains(t, found[0].Text, want)
	}
}

// The advice must not change the result: a filter of the response is no condition on it.
func TestDialectAdviceForResults(t *testing.T) {
	t.Parallel()
	for task, want := range map[string]string{
		"{operator: http, endpoint: x, response_filter: f}":               "the response is the result as it is; extract what you need from it where it is used",
		"{operator: sql, conn_id: c, sql: SELECT 1, handler: f}":          "the rows are the result; put the rest into the SQL",
		"{operator: sql, conn_id: c, sql: SELECT 1, output_processor: f}": "the rows are the result; put the rest into the SQL",
		"{operator: sql_sensor, conn_id: c, sql: SELECT 1, selector: f}":  "select the cell to look at first in the SQL",
		"{operator: http, endpoint: x, response_check: f}":                "use success_when",
	} {
		_, found := dagfile.Parse("a.yaml", []byte("a:\n  tasks:\n    t: "+task+"\n"), dialectCatalog(t), dagfile.Options{Now: time.Now})
		require.Len(t, found, 1, found.String())
		assert.Contains(t, found[0].Text, want)
	}
}

// The class names the database: one that nothing here speaks to is an error at load.
func TestDialectDatabasesWithoutDriver(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	for class, want := range map[string]string{
		"airflow.providers.oracle.operators.oracle.OracleOperator":                       "Oracle",
		"airflow.providers.snowflake.operators.snowflake.SnowflakeIntervalCheckOperator": "Snowflake",
		"airflow.providers.google.cloud.operators.bigquery.BigQueryValueCheckOperator":   "BigQuery",
		"airflow.providers.databricks.sensors.databricks_sql.DatabricksSqlSensor":        "Databricks SQL",
		"airflow.providers.microsoft.mssql.operators.mssql.MsSqlOperator":                "SQL Server",
	} {
		_, found := dagfile.Parse("a.yaml", []byte("a:\n  tasks:\n    t: {operator: "+class+", sql: SELECT 1}\n"), c, dagfile.Options{Now: time.Now})
		require.Len(t, found, 1, class)
		assert.Equal(t, []int{3, 19}, []int{found[0].Line, found[0].Column})
		assert.Contains(t, found[0].Text, "there is no driver for "+want+" here: the SQL operators work with PostgreSQL, MySQL (also MariaDB) and SQLite; "+
			"use bash with the database's own client, or http to call its API")
	}
}

// The names that old SQL operators have for conn_id, in default_args as on the task.
func TestDialectOldConnectionKeysInDefaultArgs(t *testing.T) {
	t.Parallel()
	text := `
a:
  default_args: {postgres_conn_id: pg, mysql_conn_id: my, sqlite_conn_id: lite, snowflake_conn_id: flake, oracle_conn_id: ora, conn_id: any}
  tasks:
    pg: {operator: airflow.providers.postgres.operators.postgres.PostgresOperator, sql: SELECT 1}
    own: {operator: airflow.providers.postgres.operators.postgres.PostgresOperator, sql: SELECT 1, postgres_conn_id: own}
    my: {operator: airflow.operators.mysql_operator.MySqlOperator, sql: SELECT 1}
    lite: {operator: airflow.providers.sqlite.operators.sqlite.SqliteOperator, sql: SELECT 1}
    new: {operator: sql, sql: SELECT 1}
`
	dags, found := dagfile.Parse("a.yaml", []byte(text), dialectCatalog(t), dagfile.Options{Now: time.Now})
	require.Empty(t, found.String())
	c := dialectCatalog(t)
	for id, want := range map[string]string{"pg": "pg", "own": "own", "my": "my", "lite": "lite", "new": "any"} {
		task := dags[0].Task(id)
		spec, _ := c.Operators.Lookup(task.Operator)
		op, problems := spec.Decode(task.Args.Node())
		require.Empty(t, problems, id)
		values := spec.Values(op)
		assert.Equal(t, want, values["conn_id"], "%s: %v", id, values)
	}
	_, found = dagfile.Parse("a.yaml", []byte("a:\n  default_args: {postgress_conn_id: pg}\n  tasks: {t: {operator: empty}}\n"), c, dagfile.Options{Now: time.Now})
	assert.Contains(t, found.String(), `unknown key "postgress_conn_id" in default_args; did you mean "postgres_conn_id"?`)
}

// A branch that leads nowhere is told at the id that leads there.
func TestDialectBranchTargets(t *testing.T) {
	t.Parallel()
	text := `
a:
  task_groups: {g: {}}
  tasks:
    pick:
      operator: branch_day_of_week
      week_day: [Monday]
      follow_task_ids_if_true: [one, g]
      follow_task_ids_if_false:
        - inner
        - gone
    one: {operator: empty, dependencies: [pick]}
    inner: {operator: empty, dependencies: [pick], task_group_name: g}
    gone: {operator: empty, dependencies: [one]}
`
	_, found := dagfile.Parse("a.yaml", []byte(text), dialectCatalog(t), dagfile.Options{Now: time.Now})
	assert.Equal(t, `a.yaml:11:11: error: dag "a", task "pick": "gone" is not a task or group directly downstream of "pick"; there are one, g.inner`+"\n", found.String())
}

// A mail for the people of the parameter email, by the real notifier (B5).
func TestDialectEmail(t *testing.T) {
	t.Parallel()
	text := `
a:
  default_args: {email: "ops@example.com; data@example.com", retries: 1}
  tasks:
    both: {operator: empty}
    failure: {operator: empty, email: [Ann <ann@example.com>], email_on_retry: no}
    none: {operator: empty, email: null}
    flag: {operator: empty, email: null, email_on_failure: no}
    empty: {operator: empty, email: []}
    quiet: {operator: empty, email: "", email_on_retry: no}
    wrong: {operator: empty, email: nobody}
`
	dags, found := dagfile.Parse("a.yaml", []byte(text), dialectCatalog(t), dagfile.Options{Now: time.Now})
	var told []string
	for _, f := range found {
		told = append(told, f.Text)
	}
	assert.Equal(t, []string{
		"email_on_failure has no effect without email",
		`"nobody" is not a valid mail address`,
	}, told)
	assert.Empty(t, dags, "the wrong address is an error")
	dags, found = dagfile.Parse("a.yaml", []byte(strings.ReplaceAll(text, "nobody", "somebody@example.com")), dialectCatalog(t), dagfile.Options{Now: time.Now})
	require.Len(t, dags, 1, found.String())
	for id, want := range map[string][2]int{"both": {1, 1}, "failure": {1, 0}, "none": {0, 0}, "flag": {0, 0}, "empty": {0, 0}, "quiet": {0, 0}, "wrong": {1, 1}} {
		task := dags[0].Task(id)
		assert.Equal(t, want, [2]int{len(task.OnFailure), len(task.OnRetry)}, id)
		for _, callback := range task.OnFailure {
			assert.Equal(t, "email", callback.Name)
		}
	}
}

var dialectParam = regexp.MustCompile(`^(\w+?)(\*?)(T?)(?:=(.*))?$`)

func TestDialectParameters(t *testing.T) {
	t.Parallel()
	c := dialectCatalog(t)
	for _, line := range dialect(t, "parameters.txt") {
		owner, list, _ := strings.Cut(line, ":")
		kind, name, _ := strings.Cut(owner, " ")
		var fields []params.Field
		var accepted []string
		if kind == "operator" {
			spec, found := c.Operators.Lookup(name)
			require.True(t, found, owner)
			fields, accepted = spec.Fields(), spec.Params()
		} else {
			spec, found := c.Callbacks.Lookup(name)
			require.True(t, found, owner)
			fields, accepted = spec.Fields(), spec.Params()
		}
		for text := range strings.FieldsSeq(list) {
			checkDialectParam(t, owner, text, fields, accepted)
		}
	}
}

func checkDialectParam(t *testing.T, owner, text string, fields []params.Field, accepted []string) {
	t.Helper()
	if name, ignored := strings.CutSuffix(text, ":ignored"); ignored {
		assert.Contains(t, accepted, name, owner)
		return
	}
	m := dialectParam.FindStringSubmatch(text)
	require.NotNil(t, m, text)
	i := slices.IndexFunc(fields, func(f params.Field) bool { return f.Name == m[1] })
	if !assert.GreaterOrEqual(t, i, 0, "%s takes no %s", owner, m[1]) {
		return
	}
	f := fields[i]
	assert.Equal(t, m[2] != "", f.Required, "%s: %s is required", owner, m[1])
	if m[3] != "" {
		assert.True(t, f.Template, "%s: %s is a template", owner, m[1])
	}
	if m[4] != "" {
		assert.Equal(t, m[4], f.Default, "%s: the default of %s", owner, m[1])
	}
}
