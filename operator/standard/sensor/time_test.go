package sensor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

var shanghai = time.FixedZone("CST", 8*3600)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return moment
}

// look is what a sensor said: found, or when it wants to look again.
func look(t *testing.T, task *operatortest.Task, name, text string) operator.Outcome {
	t.Helper()
	result, err := suite.Run(t, task, name, text)
	assert.Nil(t, result, "a sensor has no result")
	outcome := operator.Classify(t.Context(), err)
	outcome.Err = nil
	return outcome
}

var found = operator.Outcome{Kind: operator.Success}

func notYet(after time.Duration) operator.Outcome {
	return operator.Outcome{Kind: operator.Waiting, RetryAfter: after}
}

func TestDateTimeSensor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]operator.Outcome{
		"target_time: '2024-01-03T00:00:00+00:00'":      found,
		"target_time: 2024-01-03":                       found,
		"target_time: 2024-01-03T00:00:01Z":             notYet(time.Second),
		"target_time: 2024-01-03 01:00:00":              notYet(time.Hour),
		"target_time: 2024-01-03 08:30:00+08:00":        notYet(30 * time.Minute),
		"{target_time: 2024-01-03, deferrable: true}":   found,
		"{target_time: '2024-01-02T23:59:59.999+0000'}": found,
	} {
		task := operatortest.NewTask(t)
		task.SetClock(t, "2024-01-03T00:00:00Z", shanghai)
		assert.Equal(t, want, look(t, task, "datetime_sensor", text), text)
	}
	suite.Refused(t, "datetime_sensor", map[string]string{
		"{}":                   "missing parameter",
		"target_time: null":    "must not be null",
		"target_time: soon":    `"soon" is not a valid date with time`,
		"target_time: 3":       "not a int64",
		"target_time: '08:30'": "is not a valid date with time",
	})
}

func TestDateTimeSensorRendered(t *testing.T) {
	t.Parallel()
	s := suite.Spec(t, "datetime_sensor")
	for name, tc := range map[string]struct {
		value any
		want  operator.Kind
		err   string
	}{
		"native": {at(t, "2024-01-04T00:00:00Z"), operator.Waiting, ""},
		"text":   {"2024-01-02 00:00:00+00:00", operator.Success, ""},
		"none":   {nil, operator.Retry, "target_time: want a date with time"},
		"word":   {"never", operator.Retry, `target_time: "never" is not a valid date`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, err := s.Render(operatortest.Decode(t, s, "target_time: '{{ x }}'"), func(_, _ string) (any, error) { return tc.value, nil })
			require.NoError(t, err)
			_, err = op.Execute(t.Context(), operatortest.NewTask(t).TaskContext)
			assert.Equal(t, tc.want, operator.Classify(t.Context(), err).Kind)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestTimeSensor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		target, now string
		zone        *time.Location
		want        operator.Outcome
	}{
		{"10:00", "2024-01-03T12:00:00Z", time.UTC, found},
		{"12:00:00", "2024-01-03T12:00:00Z", time.UTC, found},
		{"16:00", "2024-01-03T12:00:00Z", time.UTC, notYet(4 * time.Hour)},
		{"16:00", "2024-01-03T12:00:00Z", shanghai, found},
		{"20:01", "2024-01-03T12:00:00Z", shanghai, notYet(time.Minute)},
		{"08:00", "2024-01-02T23:00:00Z", shanghai, notYet(time.Hour)},
	} {
		task := operatortest.NewTask(t)
		task.SetClock(t, tc.now, tc.zone)
		assert.Equal(t, tc.want, look(t, task, "time_sensor", `target_time: "`+tc.target+`"`), tc)
	}
	suite.Refused(t, "time_sensor", map[string]string{
		"{}":                            "missing parameter",
		"target_time: 10:30":            "quote it",
		"target_time: '25:00'":          "want a time of day",
		"target_time: '{{ params.t }}'": "want a time of day",
		"target_time: 2024-01-02":       "want a time of day",
	})
}

// A sensor that goes on waiting over midnight keeps to the day it began on.
func TestTimeSensorOverMidnight(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.SetClock(t, "2024-01-03T22:00:00Z", time.UTC)
	assert.Equal(t, notYet(90*time.Minute), look(t, task, "time_sensor", `target_time: "23:30"`))
	later := at(t, "2024-01-04T00:10:00Z")
	task.Now = func() time.Time { return later }
	assert.Equal(t, found, look(t, task, "time_sensor", `target_time: "23:30"`))
}

func TestTimeDeltaSensor(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t) // the interval ends now
	assert.Equal(t, notYet(time.Hour), look(t, task, "time_delta_sensor", "delta: 1h"))
	assert.Equal(t, notYet(300*time.Second), look(t, task, "time_delta_sensor", "delta: 300"))
	assert.Equal(t, found, look(t, task, "time_delta_sensor", "delta: 0s"))
	task.DataIntervalEnd = task.DataIntervalEnd.Add(-50 * time.Minute)
	assert.Equal(t, notYet(10*time.Minute), look(t, task, "time_delta_sensor", "delta: {__type__: datetime.timedelta, hours: 1}"))

	task.DataIntervalEnd = time.Time{}
	task.RunAfter = task.Now().Add(-20 * time.Minute)
	assert.Equal(t, notYet(40*time.Minute), look(t, task, "time_delta_sensor", "delta: 1h"), "from the earliest start")
	task.RunAfter = time.Time{}
	assert.Equal(t, operator.Failed, look(t, task, "time_delta_sensor", "delta: 1h").Kind)
	suite.Refused(t, "time_delta_sensor", map[string]string{"{}": "missing parameter", "delta: -1h": "must not be negative"})
}

func TestWait(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t)
	task.StartDate = task.Now().Add(-2 * time.Minute)
	assert.Equal(t, notYet(time.Minute), look(t, task, "wait", "time_to_wait: 3m"))
	assert.Equal(t, found, look(t, task, "wait", "time_to_wait: PT2M"))
	text, failed := suite.Findings(t, "wait", "time_to_wait: 5")
	assert.Equal(t, "parameter \"time_to_wait\": a bare number is minutes here: write 5m", text)
	assert.False(t, failed)
}

func TestDayOfWeekSensor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		yaml string
		want operator.Outcome
	}{
		{"week_day: Wednesday", found},
		{"week_day: wednesday", found},
		{"week_day: [MONDAY, WEDNESDAY]", found},
		{"week_day: Thursday", notYet(0)},
		{"{week_day: Tuesday, use_task_logical_date: true}", found},
		{"{week_day: Wednesday, use_task_logical_date: true}", notYet(0)},
	} {
		task := operatortest.NewTask(t) // a run for Tuesday
		task.SetClock(t, "2024-01-03T20:00:00Z", shanghai)
		assert.Equal(t, tc.want, look(t, task, "day_of_week_sensor", tc.yaml), tc.yaml)
	}
	task := operatortest.NewTask(t)
	task.LogicalDate = time.Time{}
	assert.Equal(t, operator.Failed, look(t, task, "day_of_week_sensor", "{week_day: Monday, use_task_logical_date: true}").Kind)
	suite.Refused(t, "day_of_week_sensor", map[string]string{
		"{}":                                 "missing parameter",
		"week_day: []":                       "names no day",
		"week_day: Mon":                      `"Mon" is not a day of the week in English`,
		"week_day: Monda":                    `did you mean "Monday"?`,
		"week_day: 1":                        "must be text",
		"{week_day: Monday, is_today: true}": "unknown parameter",
	})
}
