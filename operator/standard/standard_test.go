package standard_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/standard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func spec(tb testing.TB, name string) operator.Spec {
	tb.Helper()
	r, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(tb, err)
	s, found := r.Lookup(name)
	require.True(tb, found, name)
	return s
}

// Operators that need nothing to be set up for their checks.
func TestCheck(t *testing.T) {
	t.Parallel()
	waiting := func(titles ...string) map[string]operator.Kind {
		kinds := map[string]operator.Kind{}
		for _, title := range titles {
			kinds[title] = operator.Waiting
		}
		return kinds
	}
	for name, outcomes := range map[string]map[string]operator.Kind{
		"empty": nil, "branch": nil, "short_circuit": nil, "latest_only": nil,
		"branch_datetime": nil, "branch_day_of_week": nil, "external_task_marker": nil,
		"datetime_sensor":    waiting("Wait for a moment that the run gives"),
		"time_sensor":        waiting("Wait until people are at work"),
		"time_delta_sensor":  waiting("Give the source half an hour to deliver"),
		"wait":               waiting("Pause between two calls"),
		"day_of_week_sensor": waiting("Wait for the weekend"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, spec(t, name), operatortest.Options{Outcomes: outcomes, Render: rendered})
		})
	}
}

// rendered gives templates that examples use a value.
func rendered(_, text string) (any, error) {
	if text == "{{ data_interval_end + macros.timedelta(hours=1) }}" {
		return "2024-01-03 01:00:00+00:00", nil
	}
	return text, nil
}

func TestCheckBash(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, spec(t, "bash"), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Skip the task when there is nothing to do": operator.Skipped},
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
		assert.Equal(t, name, spec(t, path).Name)
	}
}
