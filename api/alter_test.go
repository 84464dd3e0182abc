package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

var ann = store.Actor{Name: "ann", Via: store.ViaRESTAPI} //nolint:gochecknoglobals // a constant

// as is the api as somebody asks it.
func (w *world) as(who store.Actor) *api.API { return w.By(who) }

// did are what people did, oldest first.
func (w *world) did() (out []string) {
	w.t.Helper()
	es, err := w.Events(w.t.Context(), api.EventQuery{})
	require.NoError(w.t, err)
	for _, e := range es.Items {
		out = append([]string{e.Owner + " " + string(e.Event) + " " + e.DAGID + "/" + e.RunID + "/" + e.TaskID}, out...)
	}
	return out
}

func field(t *testing.T, err error) string {
	t.Helper()
	fe, ok := errors.AsType[*api.FieldError](err)
	require.True(t, ok, "%v", err)
	return fe.Field
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done, err := w.as(ann).Trigger(t.Context(), api.Trigger{DAGID: "daily", RunID: "mine", Conf: json.RawMessage(`{"a":1}`)})
	require.NoError(t, err)
	assert.Equal(t, 2, done.Tasks)
	assert.False(t, done.Paused)
	got, err := w.Run(t.Context(), "daily", "mine")
	require.NoError(t, err)
	assert.Equal(t, done.Run, got)
	assert.Equal(t, store.ViaRESTAPI, got.TriggeredBy)
	assert.Equal(t, "ann", got.TriggeringUser)
	assert.Equal(t, dag.RunQueued, got.State, "nobody works on the store")
	working, err := w.Working(t.Context())
	require.NoError(t, err)
	assert.False(t, working)
	p, err := w.Progress(t.Context(), "daily", "mine")
	require.NoError(t, err)
	assert.Equal(t, &api.Progress{Run: got, Instances: []api.Instance{}}, p)

	_, err = w.Trigger(t.Context(), api.Trigger{DAGID: "daily", RunID: "mine"})
	require.ErrorIs(t, err, api.ErrExists)
	assert.NotContains(t, err.Error(), "it is in the DAGs folder", "that is not what is wrong")
	_, err = w.Trigger(t.Context(), api.Trigger{DAGID: "daily", RunID: "a b"})
	assert.Equal(t, "run_id", field(t, err))
	_, err = w.Trigger(t.Context(), api.Trigger{DAGID: "daily", Conf: json.RawMessage(`[]`)})
	assert.Equal(t, "conf", field(t, err))
	_, err = w.Trigger(t.Context(), api.Trigger{DAGID: "nobody"})
	require.ErrorContains(t, err, `no dag "nobody" in the folder`)
	_, err = w.Trigger(t.Context(), api.Trigger{DAGID: "by_hand", NotPaused: true})
	require.ErrorIs(t, err, api.ErrPaused)
	odd, err := w.By(store.Actor{Via: store.ViaOperator}).Trigger(t.Context(), api.Trigger{DAGID: "hourly", Conf: json.RawMessage(`{"dya": 1}`)})
	require.NoError(t, err)
	assert.Equal(t, []string{`conf: the DAG has no param "dya"; did you mean "day"?; only dag_run.conf holds it`}, odd.Warnings)
	paused, err := w.Trigger(t.Context(), api.Trigger{DAGID: "by_hand"})
	require.NoError(t, err)
	assert.True(t, paused.Paused)
	assert.Equal(t, []string{"ann trigger daily/mine/", " trigger by_hand/" + paused.Run.RunID + "/"}, w.did())
}

// What the process that works on the store does not have is told apart from what nobody has.
func TestTriggerOfWhatNobodySchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := api.New(api.Options{
		Store: w.store, Folder: w.files, Clock: func() time.Time { return now },
		Engine: func(context.Context) (api.Engine, error) { return without{}, nil },
	})
	_, err := other.Trigger(t.Context(), api.Trigger{DAGID: "daily"})
	ns, ok := errors.AsType[*api.NotScheduledError](err)
	require.True(t, ok, "%v", err)
	require.ErrorIs(t, ns, api.ErrNotFound)
	require.ErrorContains(t, err, "it is in the DAGs folder")
	_, err = other.Trigger(t.Context(), api.Trigger{DAGID: "nobody"})
	require.EqualError(t, err, `no dag "nobody" in the folder`)
	_, err = other.CreateBackfill(t.Context(), api.BackfillRequest{DAGID: "daily"})
	require.ErrorAs(t, err, &ns)
}

// without is an engine that has no DAG.
type without struct{ api.Engine }

func (without) TriggerRun(context.Context, string, engine.Trigger) (*engine.Triggered, error) {
	return nil, store.ErrNotFound
}

func (without) CreateBackfill(context.Context, string, engine.BackfillRequest) (*engine.CreatedBackfill, error) {
	return nil, store.ErrNotFound
}

func TestPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, paused := range []bool{true, true, false} {
		require.NoError(t, w.as(ann).Pause(t.Context(), "daily", paused))
		st, err := w.store.DAG(t.Context(), "daily")
		require.NoError(t, err)
		assert.Equal(t, paused, st.Paused)
	}
	// One that is paused when it is new is seen so first.
	require.NoError(t, w.as(ann).Pause(t.Context(), "by_hand", false))
	ps, err := w.store.Pauses(t.Context(), "by_hand")
	require.NoError(t, err)
	assert.Equal(t, []*store.Pause{{At: now, Paused: true}, {At: now, Actor: ann}}, ps)
	require.Error(t, w.Pause(t.Context(), "nobody", true))
	assert.Equal(t, []string{"ann pause daily//", "ann unpause daily//", "ann unpause by_hand//"}, w.did())
}

func TestClearAndMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.seen("daily", true)
	r := w.run(
		d, 3, dag.RunFailed,
		&store.Instance{TaskID: "first", MapIndex: -1, State: dag.Success, Try: 1}, &store.Instance{TaskID: "second", MapIndex: -1, State: dag.Failed, Try: 1},
	)
	would, err := w.as(ann).Clear(t.Context(), api.ClearRequest{DAGID: "daily", RunID: r.RunID, TaskIDs: []string{"second", "fir", "irst"}, DryRun: true})
	require.NoError(t, err)
	assert.Equal(t, 1, would.Instances(), "ids are whole ids")
	assert.True(t, would.Paused)
	assert.Empty(t, w.did(), "nothing was changed")
	done, err := w.as(ann).Mark(t.Context(), api.MarkRequest{DAGID: "daily", RunID: r.RunID, TaskID: "second", State: dag.Success})
	require.NoError(t, err)
	assert.False(t, done.Paused, "the run is finished")
	assert.Equal(t, dag.Success, done.Runs[0].Instances[0].State)
	done, err = w.as(ann).Clear(t.Context(), api.ClearRequest{DAGID: "daily", RunID: r.RunID})
	require.NoError(t, err)
	assert.Equal(t, 2, done.Instances())
	assert.Equal(t, []string{"ann mark_success daily/" + r.RunID + "/second", "ann clear daily/" + r.RunID + "/"}, w.did())
	b, err := json.Marshal(done)
	require.NoError(t, err)
	assert.Contains(t, string(b), `{"dag_id":"daily","runs":[{"run_id":"`+r.RunID+`"`)

	for name, ask := range map[string]func() error{
		"a run": func() error {
			_, err := w.Clear(t.Context(), api.ClearRequest{DAGID: "daily", RunID: "manual__0"})
			return err
		},
		"a run to mark": func() error {
			_, err := w.Mark(t.Context(), api.MarkRequest{DAGID: "daily", RunID: "manual__0", State: dag.Failed})
			return err
		},
		"a task": func() error {
			_, err := w.Mark(t.Context(), api.MarkRequest{DAGID: "daily", RunID: r.RunID, TaskID: "secnd", State: dag.Failed})
			return err
		},
	} {
		err := ask()
		require.ErrorIs(t, err, api.ErrNotFound, name)
		require.ErrorContains(t, err, "did you mean", name)
		assert.NotContains(t, err.Error(), "not found", "%s: said once", name)
		assert.NotContains(t, err.Error(), "mark: ", name)
		assert.NotContains(t, err.Error(), "clear: ", name)
	}
	_, err = w.Clear(t.Context(), api.ClearRequest{DAGID: "daly"})
	require.EqualError(t, err, `no dag "daly" in the folder`)
	_, err = w.Clear(t.Context(), api.ClearRequest{DAGID: "daily", TaskIDs: []string{"a"}, TaskRegex: "b"})
	assert.Equal(t, "task_ids", field(t, err))
	require.Error(t, new(api.ClearRequest{OnlyFailed: true, OnlyRunning: true}).Check())
	_, err = w.Mark(t.Context(), api.MarkRequest{DAGID: "daily", RunID: r.RunID, State: dag.Skipped})
	assert.Equal(t, "new_state", field(t, err))
	_, err = w.Mark(t.Context(), api.MarkRequest{DAGID: "daily", State: dag.Failed})
	assert.Equal(t, "run_id", field(t, err))
}

func TestBackfills(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("daily", true)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	ask := api.BackfillRequest{DAGID: "daily", From: day(2), To: day(4), Backwards: true, Latest: true}
	plan, err := w.PlanBackfill(t.Context(), ask)
	require.NoError(t, err)
	require.Len(t, plan, 2)
	assert.Equal(t, api.BackfillDate{LogicalDate: day(3).Add(6 * time.Hour), RunAfter: day(3).Add(6 * time.Hour), Outcome: store.BackfillCreated}, plan[0])
	made, err := w.as(ann).CreateBackfill(t.Context(), ask)
	require.NoError(t, err)
	assert.Equal(t, &api.CreatedBackfill{ID: made.ID, DAGID: "daily", Dates: map[store.BackfillOutcome]int{store.BackfillCreated: 2}, Paused: true}, made)
	_, err = w.CreateBackfill(t.Context(), ask)
	require.ErrorIs(t, err, api.ErrExists)
	_, err = w.CreateBackfill(t.Context(), api.BackfillRequest{DAGID: "daily", From: day(9), To: day(1)})
	assert.Equal(t, "to_date", field(t, err))
	_, err = w.PlanBackfill(t.Context(), api.BackfillRequest{DAGID: "daily", To: day(1)})
	assert.Equal(t, "from_date", field(t, err))
	_, err = w.PlanBackfill(t.Context(), api.BackfillRequest{DAGID: "by_hand", From: day(1), To: day(2)})
	require.ErrorIs(t, err, api.ErrNoSchedule)
	_, err = w.PlanBackfill(t.Context(), api.BackfillRequest{DAGID: "nobody"})
	require.Error(t, err)

	for _, s := range []store.BackfillState{store.BackfillPaused, store.BackfillRunning, store.BackfillCancelled} {
		b, err := w.as(ann).SetBackfill(t.Context(), made.ID, s)
		require.NoError(t, err)
		assert.Equal(t, s, b.State)
	}
	_, err = w.SetBackfill(t.Context(), made.ID, store.BackfillRunning)
	require.ErrorContains(t, err, "cannot be changed any more")
	_, err = w.SetBackfill(t.Context(), made.ID, store.BackfillCompleted)
	assert.Equal(t, "state", field(t, err))
	_, err = w.SetBackfill(t.Context(), 99, store.BackfillPaused)
	require.ErrorIs(t, err, api.ErrNotFound)
	_, err = w.Backfill(t.Context(), 99)
	require.EqualError(t, err, "no backfill 99: see dingdag backfill list")
	one, err := w.Backfill(t.Context(), made.ID)
	require.NoError(t, err)
	assert.Equal(t, api.Backfill{
		ID: made.ID, DAGID: "daily", State: store.BackfillCancelled, From: day(2), To: day(4), Reprocess: store.ReprocessNone, MaxActiveRuns: api.DefaultBackfillRuns,
		Backwards: true, Latest: true, TriggeredBy: store.ViaRESTAPI, TriggeringUser: "ann", CreatedAt: now, CompletedAt: new(now), Total: 2, Left: 2,
	}, one)
	assert.Equal(t, []string{"ann backfill_create daily//", "ann backfill_pause daily//", "ann backfill_unpause daily//", "ann backfill_cancel daily//"}, w.did())
	_, err = w.Backfills(t.Context(), api.BackfillQuery{DAGID: "nobody"})
	require.Error(t, err)
	none, err := w.Backfills(t.Context(), api.BackfillQuery{DAGID: "hourly"})
	require.NoError(t, err)
	assert.Equal(t, api.List[api.Backfill]{Items: []api.Backfill{}}, none)
}

// New backfills between two pages neither repeat one nor hide one.
func TestPagesOfBackfillsAreStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	add := func() {
		w.write(func(ctx context.Context, tx store.Tx) error {
			_, err := tx.InsertBackfill(ctx, &store.Backfill{DAGID: "daily", From: now, To: now, State: store.BackfillCancelled, CreatedAt: now, CompletedAt: now}, nil)
			return err
		})
	}
	for range 5 {
		add()
	}
	var got []int64
	q := api.BackfillQuery{DAGID: "daily", Page: api.Page{Limit: 2, Count: true}}
	for page := 1; ; page++ {
		bs, err := w.Backfills(t.Context(), q)
		require.NoError(t, err)
		for _, b := range bs.Items {
			got = append(got, b.ID)
		}
		assert.Equal(t, 4+page, bs.Total)
		if q.Cursor = bs.Next; bs.Next == "" {
			break
		}
		add()
	}
	assert.Equal(t, []int64{5, 4, 3, 2, 1}, got)
	full, err := w.Backfills(t.Context(), api.BackfillQuery{Page: api.Page{Limit: 7}})
	require.NoError(t, err)
	assert.Len(t, full.Items, 7)
	assert.Empty(t, full.Next, "none is behind a page that is just full")
	all, err := w.Backfills(t.Context(), api.BackfillQuery{Page: api.Page{Offset: 6}})
	require.NoError(t, err)
	assert.Len(t, all.Items, 1)
	for name, p := range map[string]api.Page{
		"negative": {Limit: -1}, "a cursor of runs": {Limit: 1, Cursor: "1.1"}, "without a limit": {Cursor: "1"}, "beside an offset": {Limit: 1, Offset: 1, Cursor: "1"},
		"no id": {Limit: 1, Cursor: "0"},
	} {
		_, err := w.Backfills(t.Context(), api.BackfillQuery{Page: p})
		require.Error(t, err, name)
		_, err = w.Events(t.Context(), api.EventQuery{Page: p})
		require.Error(t, err, name)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		require.NoError(t, w.as(ann).SetPools(t.Context(), api.Pool{Name: "p", Slots: 1}))
	}
	require.NoError(t, w.Pause(t.Context(), "daily", true))
	first, err := w.Events(t.Context(), api.EventQuery{Owner: "ann", Page: api.Page{Limit: 2, Count: true}})
	require.NoError(t, err)
	require.Len(t, first.Items, 2)
	assert.Equal(t, 3, first.Total)
	assert.Equal(t, api.Event{
		ID: 3, When: now, Owner: "ann", Via: store.ViaRESTAPI, Event: store.EventPoolSet, MapIndex: -1, Extra: json.RawMessage(`{"pool":"p","slots":1,"description":"","include_deferred":false}`),
	}, first.Items[0])
	require.NoError(t, w.as(ann).SetPools(t.Context(), api.Pool{Name: "q", Slots: 1}))
	rest, err := w.Events(t.Context(), api.EventQuery{Owner: "ann", Page: api.Page{Limit: 2, Cursor: first.Next}})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	assert.Equal(t, int64(1), rest.Items[0].ID)
	assert.Empty(t, rest.Next)
	of, err := w.Events(t.Context(), api.EventQuery{DAGID: "daily", Events: []store.EventKind{store.EventPause}, Since: now, Until: now.Add(time.Second)})
	require.NoError(t, err)
	assert.Len(t, of.Items, 1)
	_, err = w.Events(t.Context(), api.EventQuery{DAGID: "nobody"})
	require.Error(t, err)
	_, err = w.Events(t.Context(), api.EventQuery{Events: []store.EventKind{"gone"}})
	require.ErrorContains(t, err, `unknown event "gone": use trigger, clear,`)
}

// A pool has what it was given last.
func TestPoolsIncludeDeferred(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, included := range []bool{true, false} {
		for _, name := range []string{"reviews", api.DefaultPool} {
			want := api.Pool{Name: name, Slots: 2, Description: "people", IncludeDeferred: included}
			require.NoError(t, w.SetPools(t.Context(), want))
			got, err := w.Pool(t.Context(), name)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
	}
}

func TestPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ps, err := w.Pools(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []api.Pool{{Name: api.DefaultPool, Slots: 128, Description: "Tasks that name no pool"}}, ps)
	require.NoError(t, w.as(ann).SetPools(t.Context(), api.Pool{Name: "warehouse", Slots: -1}, api.Pool{Name: api.DefaultPool, Slots: 4}))
	got, err := w.Pool(t.Context(), "warehouse")
	require.NoError(t, err)
	assert.Equal(t, api.Pool{Name: "warehouse", Slots: -1}, got)
	ps, err = w.Pools(t.Context())
	require.NoError(t, err)
	assert.Len(t, ps, 2, "the default pool is there once")

	err = w.SetPools(t.Context(), api.Pool{Name: "ok", Slots: 1}, api.Pool{Name: "bad", Slots: -2}, api.Pool{Slots: 1})
	require.ErrorContains(t, err, `slots: pool "bad" has -2 slots`)
	require.ErrorContains(t, err, "pool: is empty")
	_, err = w.Pool(t.Context(), "ok")
	require.ErrorIs(t, err, api.ErrNotFound, "all or none")
	_, err = w.Pool(t.Context(), "warehous")
	require.ErrorContains(t, err, `did you mean "warehouse"`)
	assert.Equal(t, "pool", field(t, w.DeletePool(t.Context(), api.DefaultPool)))
	require.NoError(t, w.as(ann).DeletePool(t.Context(), "warehouse"))
	require.ErrorIs(t, w.DeletePool(t.Context(), "warehouse"), api.ErrNotFound)
	assert.Equal(t, []string{"ann pool_set //", "ann pool_set //", "ann pool_delete //"}, w.did())
}
