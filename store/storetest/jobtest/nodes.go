//nolint:thelper // tests, not helpers: failures belong to their lines
package jobtest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// renew renews what a process has.
func renew(t *testing.T, s store.Store, lead bool, epoch int64) *store.Renewed {
	t.Helper()
	got, err := s.Renew(t.Context(), &store.Node{}, store.Renewal{Lease: lease, Lead: lead, Epoch: epoch})
	require.NoError(t, err)
	return got
}

func oneLeads(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	leased := func() bool {
		ok, err := store.LeasedNow(t.Context(), b)
		require.NoError(t, err)
		return ok
	}
	assert.Zero(t, renew(t, b, false, 0).Epoch, "it does not want to")
	assert.False(t, leased(), "who works for others does not lead")
	first := renew(t, a, true, 0).Epoch
	assert.Positive(t, first)
	assert.True(t, leased())
	assert.Zero(t, renew(t, b, true, 0).Epoch, "another one does")
	c.add(lease - time.Millisecond)
	assert.Equal(t, first, renew(t, a, true, first).Epoch)
	c.add(lease - time.Millisecond)
	assert.Zero(t, renew(t, b, true, 0).Epoch)
	c.add(time.Millisecond)
	assert.False(t, leased())
	assert.Equal(t, first, renew(t, a, true, first).Epoch, "late, but nobody else has taken it")
	c.add(lease)
	second := renew(t, b, true, 0).Epoch
	assert.Greater(t, second, first)
	assert.Zero(t, renew(t, a, true, first).Epoch, "it was taken")
	assert.Zero(t, renew(t, a, true, 0).Epoch)
	assert.Zero(t, renew(t, b, false, second).Epoch, "it is given up")
	assert.False(t, leased())
	assert.Greater(t, renew(t, a, true, 0).Epoch, second)
	assert.Equal(t, c.now(), renew(t, b, false, 0).Now)
}

func nodesAreListed(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	says := store.Node{
		Process: store.Process{Host: "host-a", PID: 12, Version: "1.2", Workers: 4}, Schedules: true, Works: true, Queues: []string{"x", "y"}, Running: 3,
		State: store.NodeWorking, Endpoint: "http://host-a:8793", StartedAt: midnight,
	}
	got, err := a.Renew(t.Context(), &says, store.Renewal{Lease: lease, Lead: true})
	require.NoError(t, err)
	assert.False(t, got.Drain)
	c.add(time.Second)
	renew(t, b, true, 0)
	list := func(after time.Time) (out []store.Node) {
		ns, err := b.Nodes(t.Context(), after)
		require.NoError(t, err)
		for _, n := range ns {
			out = append(out, *n)
		}
		return out
	}
	want := says
	want.ID, want.LeasedUntil, want.Leads = "a", midnight.Add(lease), true
	other := store.Node{ID: "b", LeasedUntil: midnight.Add(time.Second + lease)}
	assert.Equal(t, []store.Node{want, other}, list(midnight))
	assert.Equal(t, []store.Node{other}, list(midnight.Add(lease)))

	drain := func(id string, on bool) error {
		return b.Tx(t.Context(), func(tx store.Tx) error { return tx.DrainNode(t.Context(), id, on) })
	}
	require.ErrorIs(t, drain("c", true), store.ErrNotFound)
	require.NoError(t, drain("a", true))
	want.Drain = true
	assert.Equal(t, want, list(midnight)[0])
	assert.True(t, renew(t, a, true, got.Epoch).Drain)
	assert.True(t, renew(t, a, true, got.Epoch).Drain, "until it is taken back")
	assert.False(t, renew(t, b, false, 0).Drain)
	require.NoError(t, drain("a", false))
	assert.False(t, renew(t, a, true, got.Epoch).Drain)
}

func reportsAreKept(t *testing.T, open storetest.Open) {
	a, b := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	var want []*store.Report
	for _, payload := range []string{`{"a": 1}`, `{"b": "两"}`, `3`} {
		want = append(want, &store.Report{Payload: json.RawMessage(payload), At: midnight})
	}
	require.NoError(t, a.Own(t.Context(), func(tx store.Tx) error { return tx.InsertReports(t.Context(), want...) }))
	read := func(after int64, limit int) []*store.Report {
		rs, err := b.Reports(t.Context(), after, limit)
		require.NoError(t, err)
		return rs
	}
	assert.Equal(t, want, read(0, 9))
	assert.Equal(t, want[:2], read(0, 2))
	assert.Equal(t, want[2:], read(want[1].ID, 9))
	write(t, b, func(ctx context.Context, tx store.Tx) error { return tx.DeleteReports(ctx, want[0].ID, want[2].ID) })
	assert.Equal(t, want[1:2], read(0, 9))
}

func runningAttemptsAreCanceled(t *testing.T, open storetest.Open) {
	a, b := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	canceled := func(s store.Store) []*store.Canceled {
		cs, err := s.Canceled(t.Context())
		require.NoError(t, err)
		for _, c := range cs {
			c.Handle = nil
		}
		return cs
	}
	cancel := func(j store.Job) {
		write(t, b, func(ctx context.Context, tx store.Tx) error { return tx.CancelJob(ctx, j, "it's over") })
	}
	h := hang(t, a)
	assert.Empty(t, canceled(a))
	for _, other := range []func(*store.Job){
		func(j *store.Job) { j.RunKey++ }, func(j *store.Job) { j.TaskID += "x" }, func(j *store.Job) { j.MapIndex++ }, func(j *store.Job) { j.Try++ },
	} {
		j := h.job
		other(&j)
		cancel(j)
	}
	assert.Empty(t, canceled(a), "others were")
	cancel(h.job)
	want := h.job
	want.Handle = nil
	assert.Equal(t, []*store.Canceled{{Job: want, Why: "it's over"}}, canceled(a))
	assert.Empty(t, canceled(b), "it is another one's")
	require.NoError(t, storetest.Complete(t.Context(), a, h.job))
	assert.Empty(t, canceled(a), "it has ended")
}

// A process that was stopped for a while, or cut off, does not know that another one has taken the lead.
func whoLedIsKeptOut(t *testing.T, open storetest.Open) {
	c := newClock()
	a, b := open(t, storetest.Node{Name: "a", Clock: c.now}), open(t, storetest.Node{Name: "b", Clock: c.now})
	put := func(s store.Store, name string) error {
		return s.Tx(t.Context(), func(tx store.Tx) error { return tx.PutPool(t.Context(), &store.Pool{Name: name, Slots: 1}) })
	}
	first := renew(t, a, true, 0).Epoch
	require.NoError(t, put(a, "as leader"))
	require.NoError(t, put(b, "as another one"), "people use any process")
	c.add(lease)
	require.NoError(t, put(a, "late"), "nobody has taken it")
	second := renew(t, b, true, 0).Epoch
	require.NotZero(t, second)
	err := put(a, "too late")
	require.ErrorIs(t, err, store.ErrNotLeader)
	require.ErrorIs(t, err, store.ErrBusy)
	require.NoError(t, put(b, "as leader of now"))
	require.NoError(t, a.Own(t.Context(), func(tx store.Tx) error { return tx.PutPool(t.Context(), &store.Pool{Name: "its own", Slots: 1}) }))
	require.Zero(t, renew(t, a, true, first).Epoch)
	require.ErrorIs(t, put(a, "too late"), store.ErrNotLeader, "what it began as the leader may still be under way")
	require.Zero(t, renew(t, a, false, 0).Epoch)
	require.NoError(t, put(a, "as another one, too"), "it knows now")
	pools, err := a.Pools(t.Context())
	require.NoError(t, err)
	var names []string
	for _, p := range pools {
		names = append(names, p.Name)
	}
	assert.Subset(t, names, []string{"as leader", "late", "as another one", "as leader of now", "its own", "as another one, too"})
	assert.NotContains(t, names, "too late")
}

func attemptsAreHeld(t *testing.T, open storetest.Open) {
	a, b := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	h := hang(t, a)
	hold := func(j store.Job) error {
		return a.Own(t.Context(), func(tx store.Tx) error { return tx.HoldJob(t.Context(), j) })
	}
	takenFrom := func(s store.Store, js ...store.Job) []store.Job {
		taken, err := s.Taken(t.Context(), js)
		require.NoError(t, err)
		return taken
	}
	require.NoError(t, hold(h.job))
	require.NoError(t, hold(h.job), "as often as it is asked")
	assert.Empty(t, takenFrom(a, h.job))
	assert.Empty(t, takenFrom(a), "of none")
	assert.Equal(t, []store.Job{h.job}, takenFrom(b, h.job))
	lost, err := b.Recover(t.Context())
	require.NoError(t, err)
	release(t, b, one(t, lost))
	require.ErrorIs(t, hold(h.job), store.ErrLostLease, "it waits for another one")
	assert.Equal(t, []store.Job{h.job}, takenFrom(a, h.job))
	taken := hang(t, b)
	assert.Empty(t, takenFrom(b, taken.job))
	assert.Equal(t, []store.Job{h.job}, takenFrom(a, h.job))
	again, err := a.Recover(t.Context())
	require.NoError(t, err)
	release(t, a, one(t, again))
	back := hang(t, a)
	assert.Equal(t, []store.Job{h.job}, takenFrom(a, h.job, back.job), "it is another taking, although by the same process")
	again, err = b.Recover(t.Context())
	require.NoError(t, err)
	release(t, b, one(t, again))
	taken = hang(t, b)
	require.ErrorIs(t, hold(h.job), store.ErrLostLease)
	require.NoError(t, hold(taken.job))
	require.NoError(t, storetest.Complete(t.Context(), b, taken.job))
	require.ErrorIs(t, hold(taken.job), store.ErrLostLease, "it has ended")
	require.Error(t, hold(store.Job{RunKey: 7, TaskID: "t"}), "nobody runs that")
	_, err = a.Taken(t.Context(), []store.Job{{RunKey: 7, TaskID: "t"}})
	require.Error(t, err, "nobody runs that")
}

// Whoever leads is late, too, when the store was away: that nobody has renewed a lease says nothing of the others then.
func nobodyDiesOfAStoreThatWasAway(t *testing.T, open storetest.Open) { storeWasAway(t, open, false) }

// Nor does it when another process is the first to come back, and takes the lead.
func nobodyDiesWhenAnotherOneLeads(t *testing.T, open storetest.Open) { storeWasAway(t, open, true) }

func storeWasAway(t *testing.T, open storetest.Open, takes bool) {
	c := newClock()
	dead, lives := open(t, storetest.Node{Name: "dead", Clock: c.now}), open(t, storetest.Node{Name: "lives", Clock: c.now})
	leads, other := open(t, storetest.Node{Name: "leads", Clock: c.now}), open(t, storetest.Node{Name: "other", Clock: c.now})
	epoch := renew(t, leads, true, 0).Epoch
	renew(t, dead, false, 0)
	hang(t, dead)
	c.add(lease / 2)
	require.Empty(t, renew(t, leads, true, epoch).Lost)
	c.add(lease / 2)
	require.Len(t, renew(t, leads, true, epoch).Lost, 1)
	c.add(lease / 2)
	renew(t, lives, false, 0)
	hang(t, lives)
	renew(t, other, true, 0)
	c.add(2 * lease) // in which the store is away
	if takes {
		leads, epoch = other, 0
	}
	r := renew(t, leads, true, epoch)
	require.NotZero(t, r.Epoch)
	assert.Len(t, r.Lost, 1, "one had died before")
	c.add(lease - time.Millisecond)
	assert.Len(t, renew(t, leads, true, r.Epoch).Lost, 1)
	c.add(time.Millisecond)
	assert.Len(t, renew(t, leads, true, r.Epoch).Lost, 2, "the other one does not come back")
}

// An attempt ends with its report, or neither is written.
func attemptsEndWithReports(t *testing.T, open storetest.Open) {
	a, b := open(t, storetest.Node{Name: "a"}), open(t, storetest.Node{Name: "b"})
	end := func(s store.Store, j store.Job, said string) error {
		return s.End(t.Context(), j, &store.Report{Payload: json.RawMessage(said), At: midnight})
	}
	said := func() (all []string) {
		rs, err := b.Reports(t.Context(), 0, 99)
		require.NoError(t, err)
		for _, r := range rs {
			assert.Equal(t, midnight, r.At)
			all = append(all, string(r.Payload))
		}
		return all
	}
	h := hang(t, a)
	require.Error(t, end(a, store.Job{RunKey: 7, TaskID: "t"}, `0`), "nobody runs that")
	lost, err := b.Recover(t.Context())
	require.NoError(t, err)
	release(t, b, one(t, lost))
	require.ErrorIs(t, end(a, h.job, `1`), store.ErrLostLease, "it waits for another one")
	taken := hang(t, b)
	require.ErrorIs(t, end(a, h.job, `2`), store.ErrLostLease)
	require.NoError(t, end(b, taken.job, `{"text": "两 \u0000 \" \\"}`))
	assert.Equal(t, []string{`{"text": "两 \u0000 \" \\"}`}, said())
	lost, err = a.Recover(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lost, "it has ended")
}
