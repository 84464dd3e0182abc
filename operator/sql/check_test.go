package sql_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// How long servers may take, and how often to look.
const (
	waitFor = 20 * time.Second
	tick    = 50 * time.Millisecond
)

func TestChecks(t *testing.T) {
	t.Parallel()
	const noRow = "the query gave no row"
	for name, tc := range map[string]struct{ operator, parameters, want string }{
		"all true":                  {"sql_check", "sql: \"SELECT 1, 'x', 0.5, '0'\"", ""},
		"zero":                      {"sql_check", "sql: 'SELECT 1, 0'", "cell 2 of the row [1,0]"},
		"zero as a fraction":        {"sql_check", "sql: 'SELECT 0.0'", "cell 1"},
		"null":                      {"sql_check", "sql: 'SELECT NULL'", "cell 1"},
		"empty":                     {"sql_check", "sql: \"SELECT ''\"", "cell 1"},
		"no row":                    {"sql_check", "sql: SELECT 1 WHERE 1 = 0", noRow},
		"only the first row":        {"sql_check", "sql: SELECT 1 AS a UNION ALL SELECT 0", ""},
		"parameters":                {"sql_check", "sql: 'SELECT :a', parameters: {a: 0}", "cell 1"},
		"value":                     {"sql_value_check", "sql: 'SELECT 5, 5.0', pass_value: 5", ""},
		"value as text":             {"sql_value_check", "sql: \"SELECT '5', 5\", pass_value: '5.0'", ""},
		"other value":               {"sql_value_check", "sql: SELECT 6, pass_value: 5", "expected 5, the query gave [6]"},
		"tolerated":                 {"sql_value_check", "sql: 'SELECT 90, 110', pass_value: 100, tolerance: 0.1", ""},
		"not tolerated":             {"sql_value_check", "sql: 'SELECT 100, 111', pass_value: 100, tolerance: 0.1", "expected 100 with a tolerance of 10 %"},
		"below zero":                {"sql_value_check", "sql: 'SELECT -95', pass_value: -100, tolerance: 0.1", ""},
		"text":                      {"sql_value_check", "sql: \"SELECT 'a'\", pass_value: a", ""},
		"other text":                {"sql_value_check", "sql: \"SELECT 'a', 'b'\", pass_value: a", "expected a"},
		"null as text":              {"sql_value_check", "sql: SELECT NULL, pass_value: None", ""},
		"no number":                 {"sql_value_check", "sql: \"SELECT 'a'\", pass_value: 5", "the check needs numbers"},
		"no value":                  {"sql_value_check", "sql: SELECT 1 WHERE 1 = 0, pass_value: 5", noRow},
		"between":                   {"sql_threshold_check", "sql: SELECT 5, min_threshold: 5, max_threshold: '5.5'", ""},
		"above":                     {"sql_threshold_check", "sql: SELECT 6, min_threshold: 5, max_threshold: 5.5", "6 is not between 5 and 5.5"},
		"below":                     {"sql_threshold_check", "sql: SELECT 4, min_threshold: SELECT 5, max_threshold: SELECT 6", "4 is not between 5 and 6"},
		"between texts":             {"sql_threshold_check", "sql: \"SELECT '2024-02-01'\", min_threshold: \"SELECT '2024-01-02'\", max_threshold: \"SELECT '2024-03-01'\"", ""},
		"not comparable":            {"sql_threshold_check", "sql: SELECT NULL, min_threshold: 1, max_threshold: 2", "cannot compare null with 1 and 2"},
		"threshold without row":     {"sql_threshold_check", "sql: SELECT 1, min_threshold: 0, max_threshold: SELECT 1 WHERE 1 = 0", "the query of max_threshold gave no row"},
		"empty threshold":           {"sql_threshold_check", "sql: SELECT 1, min_threshold: '', max_threshold: SELECT 2", "the SQL holds no statement"},
		"interval":                  {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 2.1}`, ""},
		"interval at the threshold": {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 2}`, "SUM(n) was 5 and is 10"},
		"days back":                 {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 2}, days_back: 1`, ""},
		"relative":                  {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 1.1}, ratio_formula: relative_diff`, ""},
		"too different":             {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 1}, ratio_formula: relative_diff`, "SUM(n) was 5 and is 10"},
		"zero ignored":              {"sql_interval_check", `table: m, metrics_thresholds: {COUNT(*)-1: 1}`, ""},
		"zero counts":               {"sql_interval_check", `table: m, metrics_thresholds: {COUNT(*)-1: 1}, ignore_zero: false`, "COUNT(*)-1 was 0 and is 0"},
		"nothing there":             {"sql_interval_check", `table: m, metrics_thresholds: {SUM(n): 1}, days_back: 3`, "SUM(n) is 10 now and was null before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, newSQLite)
			_, err := run(t, task, `CREATE TABLE m (ds TEXT, n INTEGER);
				INSERT INTO m VALUES ('2023-12-26', 5), ('2024-01-01', 9), ('2024-01-02', 10)`)
			require.NoError(t, err)
			result, err := execute(t, task, tc.operator, "{conn_id: warehouse, "+tc.parameters+"}")
			assert.Nil(t, result)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)
			_, err = execute(t, task, tc.operator, "{conn_id: warehouse, retry_on_failure: false, "+tc.parameters+"}")
			assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
		})
	}
}

func TestIntervalCheckNeedsALogicalDate(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newSQLite)
	task.LogicalDate = time.Time{}
	_, err := execute(t, task, "sql_interval_check", "{conn_id: warehouse, table: t, metrics_thresholds: {a: 1}}")
	require.ErrorContains(t, err, "a run with a logical date")
}

func TestChecksChangeNothing(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			_, err := run(t, task, "CREATE TABLE t (a INTEGER)")
			require.NoError(t, err)
			_, err = execute(t, task, "sql_check", "{conn_id: warehouse, sql: INSERT INTO t VALUES (1); SELECT count(*) FROM t}")
			require.NoError(t, err)
			assert.Equal(t, "[[0]]", asJSON(t, task, "sql: SELECT count(*) FROM t"))
		})
	}
}

func TestSensor(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			for text, want := range map[string]operator.Kind{
				"SELECT 1":     operator.Success,
				"SELECT '0'":   operator.Success,
				"SELECT 0":     operator.Waiting,
				"SELECT 0.0":   operator.Waiting,
				"SELECT NULL":  operator.Waiting,
				"SELECT ''":    operator.Waiting,
				"SELECT 1 = 2": operator.Waiting,
				"SELECT 1 FROM (SELECT 1 AS a) AS t WHERE a = 2": operator.Waiting,
				"SELECT nonsense": operator.Retry,
			} {
				result, err := execute(t, task, "sql_sensor", "{conn_id: warehouse, sql: \""+text+"\"}")
				assert.Nil(t, result)
				assert.Equal(t, want, operator.Classify(t.Context(), err).Kind, "%s: %v", text, err)
			}
			_, err := execute(t, task, "sql_sensor", "{conn_id: warehouse, fail_on_empty: true, sql: SELECT 1 FROM (SELECT 1 AS a) AS t WHERE a = 2}")
			require.ErrorContains(t, err, "fail_on_empty is true")
		})
	}
}

// success_when takes the place of the first cell, with the truth of short_circuit.
func TestSensorSuccessWhen(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			for _, c := range []struct {
				sql, when string
				want      operator.Kind
			}{
				{"SELECT 0, 'ready'", "{{ row[1] == 'ready' }}", operator.Success},
				{"SELECT 1, 'busy'", "{{ row[1] == 'ready' }}", operator.Waiting},
				{"SELECT 12", "{{ row[0] > 10 }}", operator.Success},
				{"SELECT 9", "{{ row[0] > 10 }}", operator.Waiting},
				{"SELECT 'no'", "{{ row[0] }}", operator.Waiting},
				{"SELECT 1", "Off", operator.Waiting},
				{"SELECT NULL", "{{ row[0] is none }}", operator.Success},
				{"SELECT 1 FROM (SELECT 1 AS a) AS t WHERE a = 2", "yes", operator.Waiting},
				{"SELECT 1", "{{ row.nope }}", operator.Retry},
			} {
				_, err := execute(t, task, "sql_sensor", fmt.Sprintf("{conn_id: warehouse, sql: %q, success_when: %q}", c.sql, c.when))
				assert.Equal(t, c.want, operator.Classify(t.Context(), err).Kind, "%s, %s: %v", c.sql, c.when, err)
			}
		})
	}
}

func TestBranch(t *testing.T) {
	t.Parallel()
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			task := taskOn(t, start)
			for text, want := range map[string][]string{
				"SELECT 1 = 1": {"a"}, "SELECT 1 = 2": {"c"}, "SELECT 2": {"a"}, "SELECT 0": {"c"}, "SELECT 0.5": {"a"},
				"SELECT 'Yes'": {"a"}, "SELECT 'off'": {"c"}, "SELECT '1'": {"a"}, "SELECT '0'": {"c"},
				"SELECT 'maybe'": nil, "SELECT '2'": nil, "SELECT NULL": nil, "SELECT 1 FROM (SELECT 1 AS a) AS t WHERE a = 2": nil,
			} {
				result, err := execute(t, task, "branch_sql",
					"{conn_id: warehouse, follow_task_ids_if_true: [a], follow_task_ids_if_false: c, sql: \""+text+"\"}")
				if want == nil {
					require.ErrorContains(t, err, "the query of the branch gave", text)
					continue
				}
				require.NoError(t, err, text)
				assert.Equal(t, operator.Branch{TaskIDs: want, AsList: want[0] == "a"}, result, "%s: a list stays one, with one id too", text)
			}
		})
	}
	op := operatortest.Decode(t, spec(t, "branch_sql"), "{sql: x, follow_task_ids_if_true: [a, b], follow_task_ids_if_false: c}")
	assert.Equal(t, []string{"a", "b", "c"}, op.(operator.Brancher).Targets())
}

func TestWrongParameters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sql: {sql: x}":                                                                    "conn_id is missing",
		"sql: {sql: {a: b}, conn_id: c}":                                                   "sql must be a text or a list of texts, not map",
		"sql: {sql: [a, 1], conn_id: c}":                                                   "element 2 of the list is int64",
		"sql: {sql: x, conn_id: c, parameters: 5}":                                         "parameters must be a list or a mapping, not int64",
		"sql: {sql: x, conn_id: c, hook_params: {a: b}}":                                   "configure the connection",
		"sql: {sql: x, conn_id: c, handler: f}":                                            `parameter "handler" of operator sql is not supported: Python code`,
		"sql_check: {sql: x}":                                                              "conn_id is missing",
		"sql_sensor: {sql: x}":                                                             `missing parameter "conn_id"`,
		"sql_sensor: {sql: x, conn_id: c, failure_check_lambda: x}":                        "put the condition into the SQL",
		"sql_sensor: {sql: x, conn_id: c, hook_params: {a: b}}":                            "configure the connection",
		"sql_value_check: {sql: x, conn_id: c, pass_value: [1]}":                           "pass_value must be a number or a text",
		"sql_threshold_check: {sql: x, conn_id: c, min_threshold: true, max_threshold: 1}": "min_threshold must be a number, or SQL",
		"sql_interval_check: {table: t, conn_id: c, metrics_thresholds: {}}":               "needs at least one expression",
		"branch_sql: {sql: x, follow_task_ids_if_true: a}":                                 `missing parameter "follow_task_ids_if_false"`,
	} {
		var given map[string]yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &given))
		for name, parameters := range given {
			_, problems := spec(t, name).Decode(&parameters)
			require.Len(t, problems, 1, text)
			assert.Contains(t, problems[0].Text, want)
		}
	}
	operatortest.Decode(t, spec(t, "sql"), "{sql: x, conn_id: c, parameters: '{{ x }}', hook_params: {}, requires_result_fetch: true, split_statements: null}")
}

func TestRowWithoutColumns(t *testing.T) {
	t.Parallel()
	task := taskOn(t, newPostgres)
	_, err := execute(t, task, "sql_sensor", "{conn_id: warehouse, sql: SELECT}")
	assert.Equal(t, operator.Waiting, operator.Classify(t.Context(), err).Kind)
	assert.Equal(t, "null", asJSON(t, task, "sql: SELECT"))
}
