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

func log(t *testing.T, s store.Store, es ...*store.Event) {
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertEvents(ctx, es...) })
}

func eventsAreStoredWhole(t *testing.T, open Open) {
	s := open(t, Node{})
	e := &store.Event{
		At: midnight.Add(time.Millisecond), Actor: store.Actor{Name: "ü", Via: store.ViaRESTAPI}, Kind: store.EventClear, DAGID: "d", RunID: "r",
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
