package standard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

const ways = "follow_task_ids_if_true: [a]\nfollow_task_ids_if_false: c\n"

var shanghai = time.FixedZone("CST", 8*3600)

// answer reports which of the ways a branch took.
func answer(t *testing.T, task *operatortest.Task, name, text string) bool {
	t.Helper()
	got, err := suite.Run(t, task, name, ways+text)
	require.NoError(t, err, text)
	yes := got.(operator.Branch).AsList
	assert.Equal(t, map[bool]operator.Branch{
		true: {TaskIDs: []string{"a"}, AsList: true}, false: {TaskIDs: []string{"c"}},
	}[yes], got, "a list stays one, with one id too")
	return yes
}

func TestBranchDateTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		now, lower, upper string
		want              bool
	}{
		// From 10:00 to 11:00 of the DAG's zone, which is 02:00 to 03:00 UTC.
		{"2024-01-03T02:30:00Z", `"10:00"`, `"11:00"`, true},
		{"2024-01-03T02:00:00Z", `"10:00"`, `"11:00"`, true},
		{"2024-01-03T03:00:00Z", `"10:00"`, `"11:00:00"`, true},
		{"2024-01-03T03:00:01Z", `"10:00"`, `"11:00"`, false},
		{"2024-01-03T01:59:59Z", `"10:00"`, `"11:00"`, false},
		// 07:00 of the zone is the day before in UTC.
		{"2024-01-02T23:00:00Z", `"06:00"`, `"08:00"`, true},
		// Open bounds.
		{"2024-01-03T02:30:00Z", `"10:00"`, "null", true},
		{"2024-01-03T02:30:00Z", `"10:31"`, "null", false},
		{"2024-01-03T02:30:00Z", "null", `"10:30"`, true},
		{"2024-01-03T02:30:00Z", "null", `"10:29"`, false},
		// Over midnight.
		{"2024-01-03T15:00:00Z", `"22:00"`, `"02:00"`, true},
		{"2024-01-03T17:00:00Z", `"22:00"`, `"02:00"`, true},
		{"2024-01-03T12:00:00Z", `"22:00"`, `"02:00"`, false},
		{"2024-01-03T18:00:01Z", `"22:00"`, `"02:00"`, false},
		// Dates, in the zone unless they have an offset.
		{"2024-01-03T02:30:00Z", "2024-01-03 10:30:00", "2024-01-04", true},
		{"2024-01-03T02:30:00Z", "2024-01-03T10:30:01", "2024-01-04", false},
		{"2024-01-03T02:30:00Z", "2024-01-03T02:30:00Z", "2024-01-03T02:30:00Z", true},
		{"2024-01-03T02:30:00Z", `"2024-01-03T10:30:00Z"`, "null", false},
		// A date and a time of day.
		{"2024-01-03T02:30:00Z", "2024-01-01", `"11:00"`, true},
		{"2024-01-03T04:30:00Z", "2024-01-01", `"11:00"`, false},
	} {
		task := operatortest.NewTask(t)
		task.SetClock(t, tc.now, shanghai)
		got := answer(t, task, "branch_datetime", "target_lower: "+tc.lower+"\ntarget_upper: "+tc.upper)
		assert.Equal(t, tc.want, got, tc)
	}
}

func TestBranchDateTimeOfTheRun(t *testing.T) {
	t.Parallel()
	task := operatortest.NewTask(t) // for 2024-01-02T00:00Z
	const bounds = "target_lower: 2024-01-02\ntarget_upper: 2024-01-02T12:00\n"
	assert.True(t, answer(t, task, "branch_datetime", bounds+"use_task_logical_date: true"))
	assert.False(t, answer(t, task, "branch_datetime", bounds), "the clock shows the day after")
	task.LogicalDate = time.Time{}
	_, err := suite.Run(t, task, "branch_datetime", ways+bounds+"use_task_logical_date: true")
	require.EqualError(t, err, `run "manual__test" has no logical date`)
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
}

func TestBranchDateTimeRefused(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "branch_datetime", map[string]string{
		ways: "needs target_lower, target_upper or both",
		ways + "target_lower: null\ntarget_upper: null":                  "needs target_lower, target_upper or both",
		ways + "target_lower: soon":                                      `"soon" is not a valid date with time`,
		ways + "target_upper: '25:00'":                                   `or "08:00" for a time of day`,
		ways + "target_lower: 10:30":                                     "quote it",
		"{follow_task_ids_if_true: a, target_lower: 2024-01-01}":         `missing parameter "follow_task_ids_if_false"`,
		"{follow_task_ids_if_false: a, target_lower: 2024-01-01}":        `missing parameter "follow_task_ids_if_true"`,
		ways + "target_lower: 2024-01-01\nuse_task_execution_date: true": `unknown parameter "use_task_execution_date"`,
	})
	text, failed := suite.Findings(t, "branch_datetime", ways+"target_lower: 2024-01-02\ntarget_upper: 2024-01-01")
	assert.Contains(t, text, "nothing is between them")
	assert.False(t, failed, "Airflow takes it")
}

func TestBranchDayOfWeek(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"week_day: Thursday":                               true,
		"week_day: [Monday, thursday]":                     true,
		"week_day: Wednesday":                              false,
		"week_day: Tuesday\nuse_task_logical_date: true":   true,
		"week_day: Wednesday\nuse_task_logical_date: true": false,
		"week_day: Thursday\nuse_task_logical_date: true":  false,
	} {
		task := operatortest.NewTask(t) // a run for Tuesday
		task.SetClock(t, "2024-01-03T20:00:00Z", shanghai)
		assert.Equal(t, want, answer(t, task, "branch_day_of_week", text), text)
	}
	suite.Refused(t, "branch_day_of_week", map[string]string{
		ways:                           `missing parameter "week_day"`,
		ways + "week_day: [Mon]":       "not a day of the week",
		"{week_day: Monday}":           `missing parameter "follow_task_ids_if_true"`,
		ways + "week_day: {a: Monday}": "must be text",
	})
}

func TestBranchWaysAreTargets(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"branch_datetime": "target_lower: 2024-01-01", "branch_day_of_week": "week_day: Monday"} {
		op := operatortest.Decode(t, suite.Spec(t, name), ways+text)
		assert.Equal(t, []string{"a", "c"}, op.(operator.Brancher).Targets())
	}
}
