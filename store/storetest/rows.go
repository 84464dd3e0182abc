//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// many is more rows than any store writes in one statement.
const many = 1203

func instancesAreUpserted(t *testing.T, open Open) {
	s := open(t, Node{})
	r, other := newRun("d", "one", midnight), newRun("d", "two", time.Time{})
	r.State = dag.RunRunning
	insert(t, s, r, other)
	var is []*store.Instance
	for i := range many {
		// Names that sort in another order than the tasks have.
		is = append(is, &store.Instance{
			RunKey: r.Key, TaskID: fmt.Sprint("t", many-i), MapIndex: -1, State: dag.Scheduled, MaxTries: 3, Operator: "bash",
		})
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		mapped := *is[0]
		mapped.RunKey, mapped.MapIndex = other.Key, 4
		if err := tx.PutInstances(ctx, []*store.Instance{&mapped}); err != nil {
			return err
		}
		return tx.PutInstances(ctx, is)
	})
	for i, in := range is {
		at := midnight.Add(time.Duration(i) * time.Millisecond)
		in.State, in.Try, in.MaxTries, in.Lost, in.Operator = dag.UpForRetry, 2, 4, 1, "http"
		in.QueuedAt, in.StartDate, in.EndDate, in.RetryAt = at, at.Add(1e6), at.Add(2e6), at.Add(3e6)
		in.Error, in.Log = fmt.Sprint("error ", i), fmt.Sprint("log/", i)
		in.RenderedMapIndex = fmt.Sprint("name ", i)
		in.FirstStart = midnight.Add(time.Duration(i) * time.Second)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, is) })

	got, err := s.Instances(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, is, got, "every row, in the order of creation, with every field")
	got, err = s.InstancesOfRuns(t.Context(), dag.RunRunning)
	require.NoError(t, err)
	assert.Len(t, got, many, "the queued run has one more")
	got, err = s.Instances(t.Context(), other.Key)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, 4, got[0].MapIndex)
	assert.Equal(t, dag.Scheduled, got[0].State, "another run's instance stays")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutInstances(ctx, nil) })
}

func xcom(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(task string, mapIndex int, key, value string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutXCom(ctx, 1, task, mapIndex, key, json.RawMessage(value))
		})
	}
	get := func(task string, mapIndex int, key string) string {
		v, err := s.XCom(t.Context(), 1, task, mapIndex, key)
		require.NoError(t, err)
		return string(v)
	}
	put("t", -1, "k", `{"a": [1, "ü"]}`)
	put("t", -1, "k", `"new"`)
	put("t", -1, "none", `null`)
	put("t", 0, "k", `0`)
	put("u", -1, "k", `1`)
	put("t", 2, "k", `2`)
	put("t", 10, "k", `10`)
	put("t", 1, "other", `1`)
	assert.Equal(t, `"new"`, get("t", -1, "k"), "a later value replaces")
	assert.Equal(t, `null`, get("t", -1, "none"), "a null is a value")
	assert.Empty(t, get("t", -1, "missing"))

	entries, err := s.RunXComs(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, entries, 7)
	assert.Equal(t, store.XCom{TaskID: "t", MapIndex: -1, Key: "k", Value: json.RawMessage(`"new"`)}, entries[0])
	assert.Equal(t, "u", entries[6].TaskID)
	all, err := s.XComs(t.Context(), 1, "t", "k")
	require.NoError(t, err)
	assert.Equal(t, []store.MappedXCom{{MapIndex: 0, Value: json.RawMessage(`0`)}, {MapIndex: 2, Value: json.RawMessage(`2`)}, {MapIndex: 10, Value: json.RawMessage(`10`)}}, all,
		"those of mapped instances, by number")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ClearXCom(ctx, 1, "t", -1) })
	assert.Empty(t, get("t", -1, "k"))
	assert.Empty(t, get("t", -1, "none"))
	assert.Equal(t, `0`, get("t", 0, "k"), "the other map index stays")
	assert.Equal(t, `1`, get("u", -1, "k"), "the other task stays")
}

func versionsAreStoredOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	for _, src := range []string{"first\x00", "second"} {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutVersion(ctx, "v", "d", []byte(src)) })
	}
	src, err := s.Version(t.Context(), "v")
	require.NoError(t, err)
	assert.Equal(t, "first\x00", string(src))
	_, err = s.Version(t.Context(), "w")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func dagsKeepPaused(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(d store.DAGState) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutDAG(ctx, &d) })
	}
	put(store.DAGState{ID: "b", File: "b.yaml", Version: "1", Active: true, Paused: true})
	put(store.DAGState{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}})
	put(store.DAGState{ID: "b", File: "moved.yaml", Version: "2", Active: false})
	got, err := s.DAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.DAGState{
		{ID: "a", File: "a.yaml", Version: "1", Active: true, Assets: []string{"s3://a", "s3://b"}},
		{ID: "b", File: "moved.yaml", Version: "2", Paused: true},
	}, got, "by id; loading the file again does not unpause")

	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "a", true) })
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetPaused(ctx, "b", false) })
	paused, err := s.PausedDAGs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, paused)
	d, err := s.DAG(t.Context(), "b")
	require.NoError(t, err)
	assert.False(t, d.Paused)

	_, err = s.DAG(t.Context(), "c")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "c", true) }), store.ErrNotFound)
}

func outboxKeepsOrder(t *testing.T, open Open) {
	s := open(t, Node{})
	var want []*store.Delivery
	for i := range 4 {
		ds := make([]*store.Delivery, 2)
		for n := range ds {
			ds[n] = &store.Delivery{
				State: store.DeliveryWaiting, Channel: "dingding", Sender: "conn", Summary: fmt.Sprint("message ", i, n),
				Payload: json.RawMessage(`{"text": "ü"}`), Owner: store.Owner{Event: "failure", DAGID: "d", RunID: "r", TaskID: "t", MapIndex: 2, Try: 1},
				// A clock that is set back must not change the order.
				CreatedAt: midnight.Add(-time.Duration(i) * time.Hour), UpdatedAt: midnight,
			}
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, ds) })
		want = append(want, ds...)
	}
	got, err := s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	sent := want[1]
	claim(t, s, sent)
	sent.State, sent.Receipt, sent.Error = store.DeliveryDelivered, "ok", "busy"
	sent.NextTry, sent.UpdatedAt = midnight.Add(time.Second), midnight.Add(time.Minute)
	want[2].State = store.DeliverySending
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UpdateDelivery(ctx, want[2]); err != nil {
			return err
		}
		return tx.UpdateDelivery(ctx, sent)
	})
	got, err = s.Deliveries(t.Context(), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got, "an update keeps the place and the payload")
	got, err = s.Deliveries(t.Context(), []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, 3)
	require.NoError(t, err)
	assert.Equal(t, []*store.Delivery{want[0], want[2], want[3]}, got)
}

func newestRunWithXCom(t *testing.T, open Open) {
	s := open(t, Node{})
	var runs []*store.Run
	for i := range 4 {
		runs = append(runs, newRun("d", strconv.Itoa(i), midnight.AddDate(0, 0, i)))
	}
	runs = append(runs, newRun("other", "x", midnight))
	insert(t, s, runs...)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, i := range []int{0, 1, 3, 4} {
			if err := tx.PutXCom(ctx, runs[i].Key, "t", -1, "k", json.RawMessage(`1`)); err != nil {
				return err
			}
		}
		return nil
	})
	find := func(day int, task string) int64 {
		k, err := s.RunWithXCom(t.Context(), "d", midnight.AddDate(0, 0, day), task, "k")
		require.NoError(t, err)
		return k
	}
	assert.Equal(t, runs[1].Key, find(2, "t"), "the run before, as the one of the day has none")
	assert.Equal(t, runs[3].Key, find(3, "t"), "its own day counts")
	assert.Zero(t, find(-1, "t"))
	assert.Zero(t, find(3, "u"))
}
