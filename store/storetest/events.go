//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func log(t *testing.T, s store.Store, es ...*store.Event) {
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertEvents(ctx, es...) })
}

func eventsAreStoredWhole(t *testing.T, open Open) {
	s := open(t, Node{})
	e := &store.Event{
		At: midnight.Add(time.Millisecond), Actor: store.Actor{Name: "ü", Via: store.ViaRESTAPI, Address: "192.0.2.1", Operation: "post_x", Request: `{"b": "ü"}`}, Kind: store.EventClear, DAGID: "d", RunID: "r",
		TaskID: "t", MapIndex: 3, Extra: json.RawMessage(`{"a": "ü"}`),
	}
	plain := &store.Event{At: midnight, Kind: store.EventPoolSet, MapIndex: -1}
	log(t, s, e, plain)
	assert.Greater(t, plain.ID, e.ID)
	got, err := s.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Equal(t, []*store.Event{plain, e}, got, "newest first")
}

func eventsAreSelected(t *testing.T, open Open) {
	s := open(t, Node{})
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	ann, bob := store.Actor{Name: "ann", Via: store.ViaCLI}, store.Actor{Name: "bob", Via: store.ViaUI}
	log(
		t, s,
		&store.Event{At: at(1), Actor: ann, Kind: store.EventTrigger, DAGID: "d", RunID: "r", MapIndex: -1},
		&store.Event{At: at(2), Actor: bob, Kind: store.EventClear, DAGID: "d", RunID: "r", TaskID: "a_b", MapIndex: 0},
		&store.Event{At: at(3), Actor: ann, Kind: store.EventMarkFailed, DAGID: "d", RunID: "r2", MapIndex: -1, Extra: json.RawMessage(`{"tasks":["c","a_b"]}`)},
		&store.Event{At: at(4), Actor: ann, Kind: store.EventClear, DAGID: "e", RunID: "r", MapIndex: -1, Extra: json.RawMessage(`{"tasks":["aXb"]}`)},
		&store.Event{At: at(5), Actor: bob, Kind: store.EventPoolSet, MapIndex: -1, Extra: json.RawMessage(`{"pool":"p"}`)},
	)
	for name, c := range map[string]struct {
		f    store.EventFilter
		want []int64
	}{
		"all":                       {store.EventFilter{}, []int64{5, 4, 3, 2, 1}},
		"of a DAG":                  {store.EventFilter{DAGID: "d"}, []int64{3, 2, 1}},
		"of a run":                  {store.EventFilter{DAGID: "d", RunID: "r"}, []int64{2, 1}},
		"of a task, alone or not":   {store.EventFilter{TaskID: "a_b"}, []int64{3, 2}},
		"of kinds":                  {store.EventFilter{Kinds: []store.EventKind{store.EventClear, store.EventTrigger}}, []int64{4, 2, 1}},
		"of a user":                 {store.EventFilter{Name: "bob"}, []int64{5, 2}},
		"of a time":                 {store.EventFilter{Since: at(2), Until: at(4)}, []int64{3, 2}},
		"the newest":                {store.EventFilter{Limit: 2}, []int64{5, 4}},
		"behind one":                {store.EventFilter{Limit: 2, Behind: 4}, []int64{3, 2}},
		"without the newest":        {store.EventFilter{Limit: 9, Offset: 3}, []int64{2, 1}},
		"of nobody":                 {store.EventFilter{Name: "carl"}, nil},
		"of a user, in a DAG, here": {store.EventFilter{DAGID: "d", Name: "ann", Limit: 1}, []int64{3}},
	} {
		es, err := s.Events(t.Context(), c.f)
		require.NoError(t, err, name)
		var got []int64
		for _, e := range es {
			got = append(got, e.ID)
		}
		assert.Equal(t, c.want, got, name)
	}
	n, err := s.CountEvents(t.Context(), store.EventFilter{DAGID: "d", Limit: 1, Behind: 2})
	require.NoError(t, err)
	assert.Equal(t, 3, n, "on all pages")
}

// What is written between two pages neither repeats an event nor hides one.
func pagesOfEventsStay(t *testing.T, open Open) {
	s := open(t, Node{})
	add := func() { log(t, s, &store.Event{At: midnight, Kind: store.EventClear, DAGID: "d", MapIndex: -1}) }
	for range 5 {
		add()
	}
	var got []int64
	f := store.EventFilter{DAGID: "d", Limit: 2}
	for range 3 {
		es, err := s.Events(t.Context(), f)
		require.NoError(t, err)
		for _, e := range es {
			got = append(got, e.ID)
		}
		f.Behind = es[len(es)-1].ID
		add()
	}
	assert.Equal(t, []int64{5, 4, 3, 2, 1}, got)
}

func aMessageChangesOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	event := func(ref, dagID string) *store.Event {
		return &store.Event{At: midnight, Actor: store.Actor{Name: "u1", Via: store.ViaChat, Ref: ref}, Kind: store.EventClear, DAGID: dagID, MapIndex: -1}
	}
	change := func(es ...*store.Event) error {
		return s.Tx(t.Context(), func(tx store.Tx) error {
			if err := tx.PutPool(t.Context(), &store.Pool{Name: es[len(es)-1].DAGID, Slots: 1}); err != nil {
				return err
			}
			for _, e := range es { // as one for each run
				if err := tx.InsertEvents(t.Context(), e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.Error(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.InsertEvents(t.Context(), event("c/1", "undone")), errors.New("the disk is gone"))
	}))
	require.NoError(t, change(event("c/1", "a"), event("c/1", "b")), "one change of several events; what was undone does not count")
	require.ErrorIs(t, change(event("c/1", "c")), store.ErrRepeated)
	require.NoError(t, change(event("c/2", "d")))
	require.NoError(t, change(event("", "e")))
	require.NoError(t, change(event("", "f")), "what names no message is not told apart")

	var dags []string
	es, err := s.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	for _, e := range es {
		dags = append(dags, e.DAGID)
	}
	assert.Equal(t, []string{"f", "e", "d", "b", "a"}, dags)
	pools, err := s.Pools(t.Context())
	require.NoError(t, err)
	for _, p := range pools {
		assert.NotEqual(t, "c", p.Name, "the change was taken back with its event")
	}
	first, err := s.EventOfRef(t.Context(), "c/1")
	require.NoError(t, err)
	assert.Equal(t, "a", first.DAGID)
	_, err = s.EventOfRef(t.Context(), "c/3")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.EventOfRef(t.Context(), "")
	require.ErrorIs(t, err, store.ErrNotFound)

	removeRows(t, s, store.OldEvents, first.ID)
	_, err = s.EventOfRef(t.Context(), "c/1")
	require.ErrorIs(t, err, store.ErrNotFound, "it goes with its event")
	require.NoError(t, change(event("c/1", "g")))
}
