package engine_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// told waits until so many messages were sent.
func (b *bench) told(n int) []string {
	b.t.Helper()
	b.until("the messages", func() bool { return len(b.sentSoFar()) >= n })
	return b.sentSoFar()
}

func (b *bench) deadlinesLeft() int {
	b.t.Helper()
	ls, err := b.store.DueDeadlines(context.Background(), time.Now().AddDate(100, 0, 0))
	require.NoError(b.t, err)
	return len(ls)
}

const withDeadline = `
d:
  deadline: {reference: dagrun_queued_at, interval: 100ms, callback: {callback: say, text: "{{ reason }} {{ run_id }}"}}
  tasks: [{task_id: t, operator: probe, do: hold}]
`

// A run that has not finished by its deadline is told of once (Airflow, "Deadline Alerts").
func TestDeadlineIsToldOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	m := b.meter()
	b.do["hold"] = b.do["count"]
	b.load(withDeadline)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "late"})
	require.NoError(t, err)
	assert.Equal(t, []string{"on_deadline  deadline_missed late"}, b.told(1))
	assert.Zero(t, b.deadlinesLeft())
	close(m.gate)
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	require.NoError(t, b.e.Refresh(t.Context()))
	assert.Len(t, b.sentSoFar(), 1)
}

func TestDeadlineThatIsMet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var later atomic.Int64
	b.o.Clock = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	b.stopStore()
	b.open()
	b.load(strings.NewReplacer("do: hold", "do: ok", "100ms", "1h").Replace(withDeadline))
	b.start(engine.RunOptions{})
	b.finish(engine.Trigger{})
	assert.Equal(t, 1, b.deadlinesLeft())
	later.Store(int64(2 * time.Hour))
	b.until("the deadline passes", func() bool { return b.deadlinesLeft() == 0 })
	assert.Empty(t, b.sentSoFar())
}

// A deadline that passes while nothing runs is told by the next process.
func TestDeadlineSurvivesACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.do["hold"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b.o.Beat = time.Hour // this process does not look
	b.stopStore()
	b.open()
	b.load(withDeadline)
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{RunID: "late"})
	require.NoError(t, err)
	b.until("the task runs", func() bool { return b.states(r)["t"] == "running" })
	b.o.Beat = 20 * time.Millisecond
	next := b.crash()
	next.start(engine.RunOptions{})
	assert.Equal(t, []string{"on_deadline  deadline_missed late"}, next.told(1))
	assert.Empty(t, b.sentSoFar())
}

// The references: what each deadline counts from.
func TestDeadlineReferences(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	defer b.stopStore()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b.o.Clock = func() time.Time { return now }
	b.stopStore()
	b.open()
	b.load(`
d:
  deadline:
    - {reference: dagrun_queued_at, interval: 1h, callback: say}
    - {reference: dagrun_logical_date, interval: 2h, callback: say}
    - {reference: 2026-03-05, interval: 3h, callback: say}
    - {reference: average_runtime, interval: 4h, callback: say, min_runs: 2}
  tasks: [{task_id: t, operator: probe}]
`)
	at := func(logical time.Time) (out []string) {
		_, err := b.e.Trigger(t.Context(), "d", engine.Trigger{LogicalDate: logical, NoLogicalDate: logical.IsZero()})
		require.NoError(t, err)
		ls, err := b.store.DueDeadlines(t.Context(), now.AddDate(1, 0, 0))
		require.NoError(t, err)
		for _, l := range ls {
			out = append(out, l.At.UTC().Format("02 15:04"))
		}
		return out
	}
	assert.Equal(t, []string{"01 13:00", "05 03:00"}, at(time.Time{}), "without a logical date, and without runs before")
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
		for i, took := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
			r := &store.Run{
				DAGID: "d", RunID: took.String(), Type: dag.ManualRun, State: dag.RunSuccess, LogicalDate: now.AddDate(0, 0, -2-i),
				RunAfter: now, QueuedAt: now, StartDate: now.Add(-took), EndDate: now, Version: "v",
			}
			if _, err := tx.InsertRun(t.Context(), r); err != nil {
				return err
			}
		}
		return nil
	}))
	assert.Equal(t, []string{"01 02:00", "01 13:00", "01 13:00", "01 16:15", "05 03:00", "05 03:00"}, at(now.Add(-12*time.Hour)))
}
