package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// tellsDays makes the bench tell at 17 minutes past midnight what happened.
func (b *bench) tellsDays(text string) {
	b.t.Helper()
	to := b.load("x:\n  on_failure_callback: {callback: say, text: '" + text + "'}\n  tasks: [{task_id: t, operator: nop}]\n")[0].OnFailure
	require.NoError(b.t, b.e.SetDAGs(context.Background(), nil))
	b.o.DailyDigest = &engine.DailyDigest{At: 17 * time.Minute, To: to}
	b.o.Beat = 10 * time.Second
	b.stopStore()
}

// untilOn lets time pass up to a moment of the bubble, which begins at midnight of 2000-01-01.
func untilOn(day, minute int) {
	<-time.After(time.Until(time.Date(2000, 1, day, 0, minute, 0, 0, time.UTC)))
	synctest.Wait()
}

const days = `
good: {schedule: '1-59/3 * * * *', start_date: 2000-01-01, tasks: [{task_id: t, operator: probe}]}
bad: {schedule: '5,8 0 * * *', start_date: 2000-01-01, tasks: [{task_id: t, operator: probe, do: fail}]}
stuck: {schedule: '*/5 * * * *', start_date: 2000-01-01, max_active_runs: 1, tasks: [{task_id: t, operator: probe, do: hang}]}
`

// A digest comes once a day, over restarts, with all since the last one; what did not start while no
// process was running is in it, and so is what still waits.
func TestADayIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.do["fail"] = func(context.Context, *operator.TaskContext) (any, error) {
			return nil, operator.Fail(errors.New("no route to hunter22"))
		}
		b.do["hang"] = func(ctx context.Context, _ *operator.TaskContext) (any, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		b.tellsDays("{{ state }} {{ reason }}; {{ day.dags[0].dag_id }} {{ day.dags[0].error }}; {% for k in day.ticks %}{{ k.dag_id }} {{ k.outcome }} {{ k.count }}, {% endfor %}")
		b.again(days)
		told := func() []string { return onlyOf(b.sentSoFar(), "on_daily_digest") }
		untilOn(1, 16)
		assert.Empty(t, told())
		untilOn(1, 18)
		first := "on_daily_digest  failed 2 failed, 3 did not start, 6 succeeded, 1 running; bad no route to ***; stuck waiting 3, "
		assert.Equal(t, []string{first}, told())
		b.stop()
		b.again(days)
		untilOn(1, 21)
		b.stop()
		assert.Len(t, told(), 1, "a restart tells it no second time")

		untilOn(3, 20) // two days later, and late
		b.again(days)
		untilOn(3, 21)
		require.Len(t, told(), 2, "one for all that time")
		assert.Regexp(t, `^on_daily_digest  failed 1 failed, \d+ did not start, 2 succeeded, 1 running; `, told()[1])
		assert.Contains(t, told()[1], "good missed 959, ")
		assert.Contains(t, told()[1], "bad missed 3, ")
		d, err := b.store.DailyDigest(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "2000-01-03", d.Day)
		b.stop()
		untilOn(4, 16)
		b.again(days)
		untilOn(4, 18)
		require.Len(t, told(), 3)
		assert.Regexp(t, "good missed 47[0-9], ", told()[2], "what was told is told")
		b.stop()
	})
}

// A crash between the day and its message tells it neither twice nor never: both are one write. What
// keeps the digest from being told keeps nothing else.
func TestADayThatCantBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.tellsDays("{{ reason }}")
		f := &forgetful{}
		b.wrap = func(s store.Store) store.Store { f.Store = s; return f }
		b.again(days)
		untilOn(1, 16)
		f.fail.Store(true)
		untilOn(1, 28)
		assert.Empty(t, onlyOf(b.sentSoFar(), "on_daily_digest"))
		assert.EqualValues(t, 3, f.asked.Load(), "not at each beat")
		d, err := b.store.DailyDigest(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "1999-12-31", d.Day)
		before := b.e.Progress()
		f.fail.Store(false)
		untilOn(1, 33)
		assert.True(t, b.e.Progress().Since(before))
		sent := onlyOf(b.sentSoFar(), "on_daily_digest")
		require.Len(t, sent, 1)
		assert.Contains(t, sent[0], " succeeded")
		b.stop()
	})
}

// forgetful is a store that can't say which ticks started nothing.
type forgetful struct {
	store.Store
	fail  atomic.Bool
	asked atomic.Int32
}

// Tx runs fn in such a transaction.
func (f *forgetful) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return f.Store.Tx(ctx, func(tx store.Tx) error { return fn(forgetfulTx{tx, f}) })
}

type forgetfulTx struct {
	store.Tx
	f *forgetful
}

// UnstartedTicks fails.
func (t forgetfulTx) UnstartedTicks(ctx context.Context, since, until time.Time) ([]*store.UnstartedTicks, error) {
	if t.f.fail.Load() {
		t.f.asked.Add(1)
		return nil, errors.New("row not readable")
	}
	return t.Tx.UnstartedTicks(ctx, since, until)
}

// Nobody who has asked for no digest has one, nor does a process that schedules nothing.
func TestNoDigestUnasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.tellsDays("{{ reason }}")
		b.open()
		b.load(days)
		b.start(engine.RunOptions{})
		untilOn(1, 20)
		assert.Empty(t, b.sentSoFar())
		d, err := b.store.DailyDigest(t.Context())
		require.NoError(t, err)
		assert.Nil(t, d)
		b.stop()
	})
}
