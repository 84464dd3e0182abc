package sql_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator/operatortest"
)

// The log says how many rows each statement gave or changed, as Airflow's does.
func TestRowsAreLogged(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			logged := func(sql string) string {
				before := len(task.LogText())
				_, err := run(t, task, sql)
				require.NoError(t, err)
				return task.LogText()[before:]
			}
			assert.NotContains(t, logged("CREATE TABLE t (a INTEGER)"), "rows")
			assert.Contains(t, logged("INSERT INTO t VALUES (1), (2), (3)"), `msg="rows affected" rows=3`)
			assert.Contains(t, logged("UPDATE t SET a = 7 WHERE a > 1"), `msg="rows affected" rows=2`)
			assert.Contains(t, logged("DELETE FROM t WHERE a > 99"), `msg="rows affected" rows=0`)
			assert.Contains(t, logged("SELECT a FROM t"), `msg="got rows" rows=3`)
			assert.Contains(t, logged("SELECT a FROM t WHERE a > 99"), `msg="got rows" rows=0`)
		})
	}
}

// A check that fails, and one that holds, say what they saw.
func TestChecksLogWhatTheySaw(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string]string{
		"sql_check":           "sql: 'SELECT 17, 4'",
		"sql_value_check":     "sql: 'SELECT 17, 17', pass_value: 17",
		"sql_threshold_check": "sql: 'SELECT 17', min_threshold: 1, max_threshold: 20",
		"sql_sensor":          "sql: 'SELECT 17'",
		"branch_sql":          "sql: 'SELECT 17', follow_task_ids_if_true: [a], follow_task_ids_if_false: [b]",
	} {
		task := taskOn(t, newSQLite)
		_, err := operatortest.Decode(t, spec(t, name), "{conn_id: warehouse, "+parameters+"}").Execute(t.Context(), task.TaskContext)
		require.NoError(t, err, name)
		assert.Contains(t, task.LogText(), `msg="the query gave" row=[17`, name)
	}
}
