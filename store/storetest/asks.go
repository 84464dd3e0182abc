//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func insertAsk(t *testing.T, s store.Store, a *store.Ask) (fresh bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		fresh, err = tx.InsertAsk(ctx, a)
		return err
	})
	return fresh
}

func settleAsk(t *testing.T, s store.Store, a *store.Ask) (first bool) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		first, err = tx.SettleAsk(ctx, a)
		return err
	})
	return first
}

func asksAreStoredWhole(t *testing.T, open Open) {
	s, other := open(t, Node{}), open(t, Node{})
	whole := &store.Ask{
		RunKey: 1, DAGID: "d", RunID: "r", TaskID: "t", MapIndex: 3, Try: 2, Subject: "Which?", Body: "**b**", Options: []string{"a", "b"}, Multiple: true,
		Defaults: []string{"a"}, Params: []store.AskParam{{Name: "p", Value: json.RawMessage("1"), Description: "d", Schema: json.RawMessage(`{"type":"integer"}`)}, {Name: "q"}},
		Assigned: []store.Person{{ID: "u1", Name: "王芳"}}, CreatedAt: midnight, Deadline: midnight.Add(time.Hour), State: store.AskOpen,
	}
	bare := &store.Ask{RunKey: 1, DAGID: "d", RunID: "r", TaskID: "t", MapIndex: -1, Try: 1, Subject: "x", Options: []string{"a"}, CreatedAt: midnight, State: store.AskOpen}
	for _, want := range []*store.Ask{whole, bare} {
		require.True(t, insertAsk(t, s, want))
		got, err := other.Ask(t.Context(), want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		got, err = other.AskOf(t.Context(), &store.Instance{RunKey: 1, TaskID: "t", MapIndex: want.MapIndex, Try: want.Try})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	again := *bare
	again.ID, again.Subject = 0, "another"
	assert.False(t, insertAsk(t, s, &again), "a try asks once")
	assert.Equal(t, bare.ID, again.ID)
	got, err := s.Ask(t.Context(), bare.ID)
	require.NoError(t, err)
	assert.Equal(t, "x", got.Subject)
	none, err := s.AskOf(t.Context(), &store.Instance{RunKey: 1, TaskID: "t", MapIndex: -1, Try: 2})
	require.NoError(t, err)
	assert.Nil(t, none)
	_, err = s.Ask(t.Context(), 99)
	require.ErrorIs(t, err, store.ErrNotFound)

	whole.State, whole.SettledAt, whole.RespondedBy, whole.Via = store.AskAnswered, midnight.Add(time.Minute), store.Person{ID: "u1", Name: "王芳"}, store.ViaChat
	whole.Chosen, whole.Input, whole.Note = []string{"b"}, json.RawMessage(`{"p":2}`), "n"
	assert.True(t, settleAsk(t, s, whole))
	got, err = other.Ask(t.Context(), whole.ID)
	require.NoError(t, err)
	assert.Equal(t, whole, got)
	late := *whole
	late.Chosen = []string{"a"}
	assert.False(t, settleAsk(t, s, &late), "the first answer counts")
	got, err = other.Ask(t.Context(), whole.ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, got.Chosen)
}

func asksAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
	for n, dag := range []string{"d", "e", "d", "d"} {
		a := &store.Ask{RunKey: int64(n), DAGID: dag, RunID: "r", TaskID: "t", Try: 1, Options: []string{"a"}, CreatedAt: midnight, State: store.AskOpen}
		require.True(t, insertAsk(t, s, a))
		if n == 2 {
			a.State, a.SettledAt = store.AskClosed, midnight
			require.True(t, settleAsk(t, s, a))
		}
	}
	for name, c := range map[string]struct {
		f    store.AskFilter
		want []int64
	}{
		"all":     {store.AskFilter{}, []int64{4, 3, 2, 1}},
		"open":    {store.AskFilter{States: []store.AskState{store.AskOpen}}, []int64{4, 2, 1}},
		"states":  {store.AskFilter{States: []store.AskState{store.AskClosed, store.AskTimedOut}}, []int64{3}},
		"a DAG":   {store.AskFilter{DAGID: "d"}, []int64{4, 3, 1}},
		"some":    {store.AskFilter{DAGIDs: []string{"d", "x"}, Limit: 2}, []int64{4, 3}},
		"none":    {store.AskFilter{DAGIDs: []string{}}, nil},
		"no DAG":  {store.AskFilter{DAGID: "d", DAGIDs: []string{"e"}}, nil},
		"a run":   {store.AskFilter{RunKey: 1}, []int64{2}},
		"a task":  {store.AskFilter{DAGID: "d", RunID: "r", TaskID: "u"}, nil},
		"a limit": {store.AskFilter{Limit: 2}, []int64{4, 3}},
		"behind":  {store.AskFilter{Limit: 2, Behind: 3}, []int64{2, 1}},
	} {
		as, err := s.AskLog(t.Context(), c.f)
		require.NoError(t, err)
		var ids []int64
		for _, a := range as {
			ids = append(ids, a.ID)
		}
		assert.Equal(t, c.want, ids, name)
	}
}
