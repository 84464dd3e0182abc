package reference

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag/dagfile/convert"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/http"
	"github.com/dingdag/dingdag/operator/sql"
	"github.com/dingdag/dingdag/operator/standard"
)

func TestModernOperators(t *testing.T) {
	t.Parallel()
	registry, err := operator.NewRegistry(slices.Concat(standard.Specs(), http.Specs(), sql.Specs(), dingding.Specs(hook.New(nil)))...)
	require.NoError(t, err)
	modern := modernOperators(registry)
	for path, want := range map[string]string{
		"airflow.operators.bash.BashOperator":                              "airflow.providers.standard.operators.bash.BashOperator",
		"airflow.operators.dummy_operator.DummyOperator":                   "airflow.providers.standard.operators.empty.EmptyOperator",
		"airflow.operators.smooth.SmoothOperator":                          "airflow.providers.standard.operators.smooth.SmoothOperator",
		"airflow.providers.http.operators.http.SimpleHttpOperator":         "airflow.providers.http.operators.http.HttpOperator",
		"airflow.sensors.external_task_sensor.ExternalTaskSensor":          "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
		"airflow.contrib.operators.dingding_operator.DingdingOperator":     "airflow.providers.dingding.operators.dingding.DingdingOperator",
		"airflow.operators.check_operator.CheckOperator":                   "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
		"airflow.operators.sql_branch_operator.BranchSqlOperator":          "airflow.providers.common.sql.operators.sql.BranchSQLOperator",
		"airflow.providers.standard.operators.bash.BashOperator":           "",
		"airflow.providers.standard.sensors.date_time.DateTimeSensorAsync": "",
		"bash":                                  "",
		"airflow.operators.python.BashOperator": "",
	} {
		to, old := modern(path)
		assert.Equal(t, want, to.Path, path)
		assert.Equal(t, want != "", old, path)
	}
	to, old := modern("airflow.providers.mysql.operators.mysql.MySqlOperator")
	assert.True(t, old)
	assert.Equal(t, convert.OldOperator{Path: "airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator", Renamed: map[string]string{"mysql_conn_id": "conn_id"}}, to)

	// Every modern path is one that the registry knows, and is not old itself.
	for _, spec := range registry.Specs() {
		for _, alias := range spec.Aliases {
			if to, old := modern(alias.Path); old {
				_, known := registry.Lookup(to.Path)
				assert.True(t, known, to.Path)
				_, again := modern(to.Path)
				assert.False(t, again, to.Path)
			}
		}
	}
}
