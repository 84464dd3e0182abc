package dagfile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

func TestDeadlines(t *testing.T) {
	t.Parallel()
	dags, found := parseText(`
a:
  start_date: 2026-01-01
  timezone: Asia/Shanghai
  deadline:
    - {reference: dagrun_queued_at, interval: 2h, callback: dingding}
    - {reference: DeadlineReference.DAGRUN_LOGICAL_DATE, interval: {__type__: datetime.timedelta, minutes: 5}, callback: [dingding, {callback: email, to: x@example.org}]}
    - {reference: average_runtime, interval: 30m, callback: dingding, max_runs: 5, min_runs: 2}
    - {reference: 2026-02-01T08:00:00, interval: 0, callback: dingding}
  tasks: [{task_id: t, operator: empty}]
b:
  deadline: {reference: average_runtime, interval: 1h, callback: dingding}
  tasks: [{task_id: t, operator: empty}]
`)
	require.False(t, found.HasErrors(), found.String())
	again, err := Restore(Source(dags[0]), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, dags[0].Version, again.Version)
	for _, d := range []*dag.DAG{dags[0], again} {
		require.Len(t, d.Deadlines, 4)
		assert.Equal(t, dag.DeadlineQueuedAt, d.Deadlines[0].Reference)
		assert.Equal(t, 2*time.Hour, d.Deadlines[0].Interval)
		assert.Equal(t, dag.DeadlineLogicalDate, d.Deadlines[1].Reference)
		assert.Len(t, d.Deadlines[1].Callbacks, 2)
		assert.Equal(t, 5, d.Deadlines[2].MaxRuns)
		assert.Equal(t, 2, d.Deadlines[2].MinRuns)
		assert.Equal(t, dag.DeadlineFixed, d.Deadlines[3].Reference)
		assert.Equal(t, "2026-02-01T00:00:00Z", d.Deadlines[3].At.UTC().Format(time.RFC3339), "in the DAG's zone")
	}
	assert.Equal(t, 10, dags[1].Deadlines[0].MinRuns)
}

func TestDeadlineMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{interval: 1h, callback: dingding}":                                           "2:13: error: dag \"a\": deadline: reference is missing",
		"{reference: dagrun_queued_at, callback: dingding}":                            "deadline: interval is missing",
		"{reference: dagrun_queued_at, interval: 1h}":                                  "deadline: callback is missing",
		"{reference: dagrun_queud_at, interval: 1h, callback: dingding}":               `unknown reference "dagrun_queud_at"; did you mean "dagrun_queued_at"?; want dagrun_queued_at, dagrun_logical_date, average_runtime, or a date`,
		"{reference: dagrun_queued_at, interval: soon, callback: dingding}":            "interval",
		"{reference: dagrun_queued_at, intervall: 1h, callback: dingding}":             `unknown key "intervall"; did you mean "interval"?`,
		"{reference: dagrun_queued_at, interval: 1h, callback: nobody}":                `unknown notifier "nobody"`,
		"{reference: dagrun_queued_at, interval: 1h, callback: dingding, max_runs: 3}": "max_runs belongs to reference: average_runtime",
		"{reference: 2026-02-30, interval: 1h, callback: dingding}":                    "2026-02-30",
		"2h": "deadline: want a mapping",
	} {
		_, found := parseText("a:\n  deadline: " + text + "\n  tasks: [{task_id: t, operator: empty}]\n")
		assert.True(t, found.HasErrors(), text)
		assert.Contains(t, found.String(), want, text)
	}
}
