package schedule_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

func at(clock string) time.Time {
	t, err := time.Parse("15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0)
}

// hourly is a DAG with a run each hour since 10:00.
func hourly(t *testing.T, set func(*dag.DAG)) *dag.DAG {
	t.Helper()
	tt, err := timetable.Cron("0 * * * *", time.UTC)
	require.NoError(t, err)
	d := &dag.DAG{ID: "d", Timetable: tt, StartDate: at("10:00:00"), Version: "v1"}
	if set != nil {
		set(d)
	}
	return d
}

// rows is a store with what schedules read.
type rows struct {
	store.Reader
	ranges []*store.TickRange
	pauses []*store.Pause
	lives  []*store.SchedulerLife
	broken []*store.ImportError
	runs   []*store.Run
	events []*store.AssetEvent
}

// TickRanges returns the newest record.
func (r *rows) TickRanges(context.Context, string, int) ([]*store.TickRange, error) {
	return r.ranges, nil
}

// Pauses returns all.
func (r *rows) Pauses(context.Context, string) ([]*store.Pause, error) { return r.pauses, nil }

// SchedulerLives returns all.
func (r *rows) SchedulerLives(context.Context, time.Time) ([]*store.SchedulerLife, error) {
	return r.lives, nil
}

// ImportErrors returns all.
func (r *rows) ImportErrors(context.Context, string) ([]*store.ImportError, error) {
	return r.broken, nil
}

// RunAt finds a run.
func (r *rows) RunAt(_ context.Context, _ string, date time.Time) (*store.Run, error) {
	for _, run := range r.runs {
		if run.LogicalDate.Equal(date) {
			return run, nil
		}
	}
	return nil, nil
}

// Runs returns the newest ones.
func (r *rows) Runs(_ context.Context, f store.RunFilter) ([]*store.Run, error) {
	return r.runs[:min(f.Limit, len(r.runs))], nil
}

// WaitingAssetEvents returns those of the assets.
func (r *rows) WaitingAssetEvents(_ context.Context, _ string, uris []string) ([]*store.AssetEvent, error) {
	return slices.DeleteFunc(slices.Clone(r.events), func(e *store.AssetEvent) bool { return !slices.Contains(uris, e.URI) }), nil
}

func TestNext(t *testing.T) {
	t.Parallel()
	d := hourly(t, nil)
	next, due := schedule.Next(d, nil, at("09:59:59"))
	assert.False(t, due)
	assert.Equal(t, at("10:00:00"), next.RunAfter.UTC())
	next, due = schedule.Next(d, nil, at("10:00:00"))
	assert.True(t, due, "at the very moment")
	r := schedule.Run(d, next, at("10:00:01"))
	assert.Equal(t, "scheduled__"+at("10:00:00").Format("2006-01-02T15:04:05")+"+00:00", r.RunID)
	assert.Equal(t, at("10:00:01"), r.QueuedAt)
	assert.Equal(t, "v1", r.Version)
	next, due = schedule.Next(d, r, at("12:30:00"))
	assert.True(t, due)
	assert.Equal(t, at("12:00:00"), next.RunAfter.UTC(), "without catchup the newest")
	d.Catchup = true
	next, _ = schedule.Next(d, r, at("12:30:00"))
	assert.Equal(t, at("11:00:00"), next.RunAfter.UTC(), "with catchup the one after the last")

	d.EndDate = at("11:00:00")
	r.IntervalStart, r.IntervalEnd = at("11:00:00"), at("11:00:00")
	next, due = schedule.Next(d, r, at("12:30:00"))
	assert.False(t, due)
	assert.True(t, schedule.Over(d, next, at("12:30:00")))
	assert.False(t, schedule.Over(d, next, at("10:30:00")), "its end lies ahead")
	d.EndDate = time.Time{}
	assert.False(t, schedule.Over(d, next, at("12:30:00")), "it has no end")
}

// The end of a stretch moves once a minute; after more than three a new one begins.
func TestLifeAt(t *testing.T) {
	t.Parallel()
	began := at("10:00:00")
	for _, c := range []struct {
		name     string
		before   store.SchedulerLife
		after    time.Duration
		stopping bool
		want     store.SchedulerLife
		changed  bool
	}{
		{"the first", store.SchedulerLife{}, 0, false, store.SchedulerLife{StartedAt: began, SeenAt: began}, true},
		{"too early to write", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, 59 * time.Second, false, store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, false},
		{"a minute later", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, time.Minute, false, store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began.Add(time.Minute)}, true},
		{"the end is written at once", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, time.Second, true, store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began.Add(time.Second), Stopped: true}, true},
		{"three minutes are no gap", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, 3 * time.Minute, false, store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began.Add(3 * time.Minute)}, true},
		{"more are one", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began}, 3*time.Minute + time.Second, false, store.SchedulerLife{StartedAt: began.Add(3*time.Minute + time.Second), SeenAt: began.Add(3*time.Minute + time.Second)}, true},
		{"of one process", store.SchedulerLife{By: store.Process{PID: 7}}, 0, false, store.SchedulerLife{StartedAt: began, SeenAt: began, By: store.Process{PID: 7}}, true},
		{"after a stop", store.SchedulerLife{ID: 1, StartedAt: began, SeenAt: began, Stopped: true}, time.Second, false, store.SchedulerLife{StartedAt: began.Add(time.Second), SeenAt: began.Add(time.Second)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, changed := schedule.LifeAt(c.before, began.Add(c.after), c.stopping)
			assert.Equal(t, c.changed, changed)
			assert.Equal(t, c.want, got)
		})
	}
	l := &store.SchedulerLife{SeenAt: began}
	assert.True(t, schedule.GoesOn(l, began.Add(3*time.Minute)))
	assert.False(t, schedule.GoesOn(l, began.Add(3*time.Minute+1)))
	l.Stopped = true
	assert.False(t, schedule.GoesOn(l, began))
}

// Ticks that started nothing are put on record by what became of them, as one record for as
// long as that is the same.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	r := &rows{
		pauses: []*store.Pause{{At: at("09:00:00")}, {At: at("12:30:00"), Paused: true}, {At: at("14:30:00")}, {At: at("18:30:00"), Paused: true, Cause: "too many failed"}},
		lives:  []*store.SchedulerLife{{StartedAt: at("09:00:00"), SeenAt: at("15:30:00")}, {StartedAt: at("16:30:00"), SeenAt: at("19:30:00")}},
		broken: []*store.ImportError{{Since: at("16:45:00"), Until: at("17:15:00"), Text: "one\ntwo"}},
	}
	d := hourly(t, nil)
	last := schedule.Run(d, timetable.Run{RunAfter: at("10:00:00"), LogicalDate: at("10:00:00"), Interval: timetable.Interval{Start: at("10:00:00"), End: at("10:00:00")}}, at("10:00:00"))
	due, ok := schedule.Next(d, last, at("20:00:10"))
	require.True(t, ok)
	list := func(last *store.Run) (out []string) {
		rs, err := schedule.PassedOver(t.Context(), r, d, last, due, at("20:00:10"))
		require.NoError(t, err)
		for _, rec := range rs {
			text := rec.First.Format("15") + "-" + rec.Last.Format("15") + " " + string(rec.Outcome) + ": " + rec.Reason
			if rec.Tell {
				text += " (told)"
			}
			out = append(out, text)
			assert.Equal(t, int(rec.Last.Sub(rec.First)/time.Hour)+1, rec.Count)
			assert.Equal(t, at("20:00:10"), rec.RecordedAt)
		}
		return out
	}
	day := at("00:00:00").Format("2006-01-02T")
	all := []string{
		"11-12 skipped: catchup is off and a newer tick was due: max_active_runs was reached, or the scheduler came late (told)",
		"13-14 skipped: the DAG was paused since " + day + "12:30:00Z",
		"15-15 skipped: catchup is off and a newer tick was due: max_active_runs was reached, or the scheduler came late (told)",
		"16-16 missed: no scheduler was running (told)",
		"17-17 missed: the DAG could not be loaded from " + day + "16:45:00Z to " + day + "17:15:00Z: one (and 1 more) (told)",
		"18-18 skipped: catchup is off and a newer tick was due: max_active_runs was reached, or the scheduler came late (told)",
		"19-19 skipped: the DAG was paused since " + day + "18:30:00Z: too many failed (told)",
	}
	assert.Equal(t, all, list(last))
	r.ranges = []*store.TickRange{{Last: at("15:00:00")}}
	assert.Equal(t, all[3:], list(last), "what is on record is not recorded again")
	r.ranges = []*store.TickRange{{Last: at("19:00:00")}}
	assert.Empty(t, list(last))
	r.ranges = nil
	assert.Equal(t, "10-12", list(nil)[0][:5], "without a run from when the DAG was first seen")
	r.pauses = nil
	assert.Empty(t, list(nil), "nobody knows since when it is known")
	assert.NotEmpty(t, list(last))
	d.Catchup = true
	assert.Empty(t, list(last), "with catchup every tick gets its run")
}

// A scheduler is at work until now when it was seen a moment ago; one that stopped before it was
// at work until then.
func TestPassedOverSinceTheSchedulerWasSeen(t *testing.T) {
	t.Parallel()
	tt, err := timetable.Cron("* * * * *", time.UTC)
	require.NoError(t, err)
	d := &dag.DAG{ID: "d", Timetable: tt, StartDate: at("10:00:00"), Version: "v1"}
	r := &rows{pauses: []*store.Pause{{At: at("09:00:00")}}}
	now := at("12:00:10")
	last := schedule.Run(d, timetable.Run{RunAfter: at("11:57:00"), LogicalDate: at("11:57:00"), Interval: timetable.Interval{Start: at("11:57:00"), End: at("11:57:00")}}, at("11:57:00"))
	due, ok := schedule.Next(d, last, now)
	require.True(t, ok)
	for _, c := range []struct {
		lives []*store.SchedulerLife
		want  store.TickOutcome
	}{
		{[]*store.SchedulerLife{{StartedAt: at("09:00:00"), SeenAt: at("11:57:30")}}, store.TickSkipped},
		{[]*store.SchedulerLife{{StartedAt: at("09:00:00"), SeenAt: at("11:57:30"), Stopped: true}}, store.TickMissed},
		{[]*store.SchedulerLife{{StartedAt: at("09:00:00"), SeenAt: at("11:57:30")}, {StartedAt: at("12:00:05"), SeenAt: at("12:00:05")}}, store.TickMissed},
	} {
		r.lives = c.lives
		rs, err := schedule.PassedOver(t.Context(), r, d, last, due, now)
		require.NoError(t, err)
		require.Len(t, rs, 1)
		assert.Equal(t, c.want, rs[0].Outcome, rs[0].Reason)
		assert.Equal(t, 2, rs[0].Count)
	}
}

// A tick whose logical date has a run is on record as started, unless that run covers
// another data interval.
func TestTaken(t *testing.T) {
	t.Parallel()
	d := hourly(t, nil)
	tick := timetable.Run{RunAfter: at("11:00:00"), LogicalDate: at("10:00:00"), Interval: timetable.Interval{Start: at("10:00:00"), End: at("11:00:00")}}
	run := &store.Run{DAGID: "d", RunID: "mine", Type: dag.ManualRun, LogicalDate: at("10:00:00"), IntervalStart: at("10:00:00"), IntervalEnd: at("11:00:00")}
	r := &rows{runs: []*store.Run{run}}
	rec, err := schedule.Taken(t.Context(), r, d, tick, at("11:00:01"))
	require.NoError(t, err)
	assert.Equal(t, store.TickStarted, rec.Outcome)
	assert.Equal(t, "run mine has this logical date", rec.Reason)
	assert.False(t, rec.Tell)
	run.IntervalStart, run.IntervalEnd = at("09:00:00"), at("10:00:00")
	rec, err = schedule.Taken(t.Context(), r, d, tick, at("11:00:01"))
	require.NoError(t, err)
	assert.Equal(t, store.TickSkipped, rec.Outcome)
	assert.Contains(t, rec.Reason, "run mine has its logical date and covers another data interval")
	assert.True(t, rec.Tell)
	run.Type = dag.BackfillRun
	assert.Empty(t, schedule.OtherInterval(run, tick), "only what somebody triggered does so")
	r.ranges = []*store.TickRange{{Last: at("11:00:00")}}
	rec, err = schedule.Taken(t.Context(), r, d, tick, at("11:00:01"))
	require.NoError(t, err)
	assert.Nil(t, rec, "it is on record")
	r.ranges, r.runs = nil, nil
	rec, err = schedule.Taken(t.Context(), r, d, tick, at("11:00:01"))
	require.NoError(t, err)
	assert.Nil(t, rec)
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	d := hourly(t, func(d *dag.DAG) {
		d.Deadlines = []dag.Deadline{
			{Reference: dag.DeadlineFixed, At: at("10:00:00"), Interval: time.Hour},
			{Reference: dag.DeadlineLogicalDate, Interval: time.Hour},
			{Reference: dag.DeadlineQueuedAt, Interval: time.Hour},
			{Reference: dag.DeadlineAverageRuntime, Interval: time.Minute, MinRuns: 2, MaxRuns: 2},
		}
	})
	took := func(long time.Duration) *store.Run {
		return &store.Run{StartDate: at("08:00:00"), EndDate: at("08:00:00").Add(long)}
	}
	r := &rows{runs: []*store.Run{took(10 * time.Minute), took(20 * time.Minute), took(10 * time.Hour)}}
	list := func(run *store.Run, now time.Time) (out []string) {
		ls, err := schedule.Deadlines(t.Context(), r, d, run, now)
		require.NoError(t, err)
		for _, l := range ls {
			out = append(out, string(rune('0'+l.Index))+" "+l.At.Format("15:04"))
		}
		return out
	}
	run := &store.Run{Key: 7, DAGID: "d", Type: dag.ScheduledRun, LogicalDate: at("11:00:00"), QueuedAt: at("12:00:00")}
	assert.Equal(t, []string{"0 11:00", "1 12:00", "2 13:00", "3 12:16"}, list(run, at("12:30:00")))
	run.Type = dag.BackfillRun
	assert.Equal(t, []string{"2 13:00"}, list(run, at("12:30:00")), "of a backfill those that lie ahead")
	run.Type, run.LogicalDate, r.runs = dag.ManualRun, time.Time{}, r.runs[:1]
	assert.Equal(t, []string{"0 11:00", "2 13:00"}, list(run, at("12:30:00")), "no logical date, and too few runs for an average")
}

func TestUpdated(t *testing.T) {
	t.Parallel()
	r := &rows{events: []*store.AssetEvent{{ID: 9, URI: "s3://a", At: at("10:00:00")}, {ID: 5, URI: "s3://b", At: at("11:00:00")}, {ID: 12, URI: "s3://c"}}}
	d := hourly(t, nil)
	events, met, err := schedule.Updated(t.Context(), r, d)
	require.NoError(t, err)
	assert.Empty(t, events)
	assert.False(t, met, "it waits for none")
	d.Assets = &dag.AssetCondition{Of: []*dag.AssetCondition{{Asset: &dag.Asset{URI: "s3://a"}}, {Asset: &dag.Asset{URI: "s3://b"}}}}
	assert.Equal(t, []string{"s3://a", "s3://b"}, schedule.AssetURIs(d))
	events, met, err = schedule.Updated(t.Context(), r, d)
	require.NoError(t, err)
	assert.True(t, met)
	run, last := schedule.AssetRun(d, events, at("12:00:00"))
	assert.Equal(t, int64(9), last.ID, "the last to come, whatever the clock said")
	assert.Equal(t, at("10:00:00"), run.RunAfter)
	assert.Equal(t, dag.RunID(dag.AssetRun, at("10:00:00")), run.RunID)
	r.events = r.events[1:]
	_, met, err = schedule.Updated(t.Context(), r, d)
	require.NoError(t, err)
	assert.False(t, met)
}

// DAGs are woken when they are due, by their latest schedule, and all are looked at now and then.
func TestWaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken, sweeps := make(chan string, 100), make(chan bool, 100)
		w, err := schedule.NewWaker(schedule.WakerOptions{
			Wake: func(id string) { woken <- id }, Sweep: func(context.Context) { sweeps <- true },
			Every: 10 * time.Hour, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		d := hourly(t, func(d *dag.DAG) { d.StartDate = time.Time{} })
		w.Sync(map[string]*dag.DAG{"d": d})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		<-time.After(150 * time.Minute)
		synctest.Wait()
		assert.Len(t, woken, 2)
		assert.Len(t, sweeps, 1, "at first")
		twice := hourly(t, func(d *dag.DAG) { d.StartDate, d.Version = time.Time{}, "v2" })
		twice.Timetable, err = timetable.Cron("*/30 * * * *", time.UTC)
		require.NoError(t, err)
		w.Sync(map[string]*dag.DAG{"d": twice})
		<-time.After(time.Hour)
		synctest.Wait()
		assert.Len(t, woken, 4)
		w.Sync(nil)
		<-time.After(7 * time.Hour)
		synctest.Wait()
		assert.Len(t, woken, 4)
		assert.Len(t, sweeps, 2)
		cancel()
		require.NoError(t, <-ended)
	})
}

// A stop waits for the look under way, however long that takes, and begins no other. It costs nothing meanwhile: the time of
// the bubble would not go on.
func TestWakerEndsWithItsLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken, looked := 0, 0
		w, err := schedule.NewWaker(schedule.WakerOptions{
			Wake: func(string) {
				woken++
				<-time.After(90 * time.Minute)
				looked++
			},
			Sweep: func(context.Context) {}, Every: 10 * time.Hour, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		w.Sync(map[string]*dag.DAG{"d": hourly(t, func(d *dag.DAG) { d.StartDate = time.Time{} })})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		<-time.After(61 * time.Minute)
		cancel()
		require.NoError(t, <-ended)
		assert.Equal(t, []int{1, 1}, []int{woken, looked})
	})
}

// DAGs with the same schedule are woken at the same moment, each by its own dates, and those
// that come and go without the others.
func TestWakerOfMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := make(chan string, 100)
		w, err := schedule.NewWaker(schedule.WakerOptions{
			Wake: func(id string) { woken <- id }, Sweep: func(context.Context) {},
			Every: 10 * time.Hour, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		next := func() []string {
			<-time.After(time.Hour)
			synctest.Wait()
			var ids []string
			for len(woken) > 0 {
				ids = append(ids, <-woken)
			}
			slices.Sort(ids)
			return ids
		}
		same := hourly(t, func(d *dag.DAG) { d.StartDate = time.Time{} })
		like := hourly(t, func(d *dag.DAG) { d.StartDate, d.Timetable = time.Time{}, same.Timetable })
		late := hourly(t, func(d *dag.DAG) { d.StartDate, d.Timetable = time.Now().Add(150*time.Minute), same.Timetable })
		over := hourly(t, func(d *dag.DAG) {
			d.StartDate, d.EndDate, d.Timetable = time.Time{}, time.Now().Add(150*time.Minute), same.Timetable
		})
		w.Sync(map[string]*dag.DAG{"a": same, "b": like, "late": late, "over": over})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		assert.Equal(t, []string{"a", "b", "over"}, next())
		assert.Equal(t, []string{"a", "b", "over"}, next())
		assert.Equal(t, []string{"a", "b", "late"}, next())
		w.Sync(map[string]*dag.DAG{"b": like, "c": like})
		assert.Equal(t, []string{"b", "c"}, next())
		w.Sync(map[string]*dag.DAG{"b": like})
		assert.Equal(t, []string{"b"}, next())
		w.Sync(nil)
		assert.Empty(t, next())
		w.Sync(map[string]*dag.DAG{"c": like})
		assert.Equal(t, []string{"c"}, next())
		cancel()
		require.NoError(t, <-ended)
	})
}

// counted counts how often a timetable is asked.
type counted struct {
	timetable.Timetable
	asked *int
}

// Next counts.
func (c counted) Next(last *timetable.Interval, r timetable.Restriction, now time.Time) (timetable.Run, bool) {
	*c.asked++
	return c.Timetable.Next(last, r, now)
}

// Ticks that are on record are not looked at again, however many there are and whatever the
// timetable is, and a run without a data interval counts from when it was due.
func TestPassedOverLooksAtNothingTwice(t *testing.T) {
	t.Parallel()
	cron, err := timetable.Cron("* * * * *", time.UTC)
	require.NoError(t, err)
	interval, err := timetable.CronInterval("* * * * *", time.UTC)
	require.NoError(t, err)
	every, err := timetable.Every(time.Minute)
	require.NoError(t, err)
	everyInterval, err := timetable.EveryInterval(time.Minute)
	require.NoError(t, err)
	now := at("12:00:10")
	years := now.AddDate(-3, 0, 0).Truncate(time.Minute)
	exactly := func(at time.Time) *store.Run {
		return &store.Run{DAGID: "d", RunAfter: at, LogicalDate: at, IntervalStart: at, IntervalEnd: at}
	}
	for name, tt := range map[string]timetable.Timetable{"cron": cron, "cron interval": interval, "every": every, "every interval": everyInterval} {
		for _, c := range []struct {
			name     string
			last     *store.Run
			recorded time.Time
			want     int
		}{
			{"on record up to ten minutes ago", exactly(years), at("11:50:00"), 9},
			{"the same without a run", nil, at("11:50:00"), 9},
			{"all on record", exactly(years), at("11:59:00"), 0},
			{"the last run after what is on record", exactly(at("11:55:00")), at("11:50:00"), 4},
			{"a last run without a data interval", &store.Run{DAGID: "d", RunAfter: at("11:55:00")}, time.Time{}, 4},
		} {
			t.Run(name+", "+c.name, func(t *testing.T) {
				t.Parallel()
				asked := 0
				d := &dag.DAG{ID: "d", Timetable: counted{tt, &asked}, StartDate: years, Version: "v1"}
				r := &rows{pauses: []*store.Pause{{At: years}}}
				if !c.recorded.IsZero() {
					r.ranges = []*store.TickRange{{First: years, Last: c.recorded}}
				}
				due, ok := schedule.Next(d, c.last, now)
				require.True(t, ok)
				require.Equal(t, at("12:00:00"), due.RunAfter.UTC())
				asked = 0
				rs, err := schedule.PassedOver(t.Context(), r, d, c.last, due, now)
				require.NoError(t, err)
				got := 0
				for _, rec := range rs {
					got += rec.Count
				}
				assert.Equal(t, c.want, got)
				assert.LessOrEqual(t, asked, c.want+3)
			})
		}
	}
}

// A DAG whose last moment passes before the waker runs, as while a process takes up its work or stands still, is not asked for
// another one for ever.
func TestWakerOfWhatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		w, err := schedule.NewWaker(schedule.WakerOptions{
			Wake: func(string) { woken++ }, Sweep: func(context.Context) {}, Every: 10 * time.Hour, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		w.Sync(map[string]*dag.DAG{"d": hourly(t, func(d *dag.DAG) { d.StartDate, d.EndDate = time.Time{}, time.Now().Add(90*time.Minute) })})
		<-time.After(2 * time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		<-time.After(24 * time.Hour)
		cancel()
		require.NoError(t, <-ended)
		assert.Zero(t, woken)
	})
}
