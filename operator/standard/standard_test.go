package standard_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/standard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = operatortest.Suite(standard.Specs())

// Operators that need nothing to be set up for their checks.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"empty", "branch", "short_circuit", "latest_only", "branch_datetime", "branch_day_of_week"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, suite.Spec(t, name), operatortest.Options{})
		})
	}
}

func TestCheckBash(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "bash"), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Skip the task if there is nothing to do": operator.Skipped},
		Blocking: "bash_command: 'echo begun; sleep 1000'",
		Running:  func(_ *testing.T, task *operatortest.Task) { task.AwaitLog("begun") },
	})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for path, name := range map[string]string{
		"airflow.operators.bash_operator.BashOperator":               "bash",
		"airflow.providers.standard.operators.bash.BashOperator":     "bash",
		"airflow.operators.dummy_operator.DummyOperator":             "empty",
		"airflow.providers.standard.operators.smooth.SmoothOperator": "empty",
		"airflow.operators.latest_only_operator.LatestOnlyOperator":  "latest_only",
		"airflow.operators.datetime.BranchDateTimeOperator":          "branch_datetime",
		"airflow.operators.weekday.BranchDayOfWeekOperator":          "branch_day_of_week",
		"airflow.operators.dagrun_operator.TriggerDagRunOperator":    "trigger_dagrun",
		"airflow.sensors.external_task_sensor.ExternalTaskSensor":    "external_task",
		"airflow.sensors.external_task.ExternalTaskMarker":           "external_task_marker",
		"airflow.contrib.sensors.bash_sensor.BashSensor":             "bash_sensor",
		"airflow.sensors.filesystem.FileSensor":                      "file_sensor",
		"airflow.sensors.date_time.DateTimeSensorAsync":              "datetime_sensor",
		"airflow.sensors.time_sensor.TimeSensorAsync":                "time_sensor",
		"airflow.sensors.time_delta_sensor.TimeDeltaSensor":          "time_delta_sensor",
		"airflow.sensors.time_delta.WaitSensor":                      "wait",
		"airflow.contrib.sensors.weekday_sensor.DayOfWeekSensor":     "day_of_week_sensor",
	} {
		assert.Equal(t, name, suite.Spec(t, path).Name)
	}
}
