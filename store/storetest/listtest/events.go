//nolint:thelper // tests, not helpers: failures belong to their lines
package listtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// EventsAreListed checks filters, orders and pages of the audit log.
func EventsAreListed(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	for i, id := range []string{"late", "early"} {
		r := &store.Run{DAGID: "d", RunID: id, Type: dag.ManualRun, State: dag.RunRunning, LogicalDate: at(9 - i), RunAfter: at(9), Version: "v"}
		write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	}
	rest := func(op, request string) store.Actor {
		return store.Actor{Name: "bob", Via: store.ViaRESTAPI, Operation: op, Request: request}
	}
	es := []*store.Event{
		{At: at(1), Actor: store.Actor{Name: "ann", Via: store.ViaCLI}, Kind: store.EventTrigger, DAGID: "d", RunID: "late", MapIndex: -1},
		{At: at(2), Actor: rest("patch_task_instance", `{"z":1}`), Kind: store.EventMarkFailed, DAGID: "d", RunID: "early", TaskID: "t_x", MapIndex: 0, Extra: []byte(`{"b":1}`)},
		{At: at(3), Actor: store.Actor{Name: "ann", Via: store.ViaUI}, Kind: store.EventMarkFailed, DAGID: "e", RunID: "late", TaskID: "t", MapIndex: -1, Extra: []byte(`{"a":1}`)},
		{At: at(3), Actor: rest("post_variable", ""), Kind: store.EventVariableSet, MapIndex: -1},
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertEvents(ctx, es...) })
	l := Lists(t, s)
	order := func(names ...string) (keys []listing.Key) {
		for _, n := range names {
			keys = append(keys, listing.Key{Name: n, Desc: n[0] == 'D'})
			if n[0] == 'D' {
				keys[len(keys)-1].Name = n[1:]
			}
		}
		return keys
	}
	all := listing.Page{Limit: 9, Order: order("id")}
	for name, c := range map[string]struct {
		f    listing.Events
		p    listing.Page
		want []int
		n    int
	}{
		"all":                   {listing.Events{}, all, []int{0, 1, 2, 3}, 4},
		"a page":                {listing.Events{}, listing.Page{Limit: 2, Offset: 1, Order: order("Did")}, []int{2, 1}, 4},
		"none of a page":        {listing.Events{}, listing.Page{}, nil, 4},
		"one":                   {listing.Events{ID: es[2].ID}, all, []int{2}, 1},
		"of DAGs":               {listing.Events{DAGIDs: []string{"e", "x"}}, all, []int{2}, 1},
		"of no DAGs":            {listing.Events{DAGIDs: []string{}}, all, nil, 0},
		"of a DAG":              {listing.Events{DAGID: new("d")}, all, []int{0, 1}, 2},
		"of no DAG":             {listing.Events{DAGID: new("")}, all, []int{3}, 1},
		"of a run and a task":   {listing.Events{RunID: new("late"), TaskID: new("t")}, all, []int{2}, 1},
		"of a user":             {listing.Events{Owner: new("bob")}, all, []int{1, 3}, 2},
		"of a name":             {listing.Events{Event: new("mark_failed")}, all, []int{2}, 1},
		"of an operation":       {listing.Events{Event: new("post_variable")}, all, []int{3}, 1},
		"of an index":           {listing.Events{MapIndex: new(0)}, all, []int{1}, 1},
		"of unmapped tasks":     {listing.Events{MapIndex: new(-1)}, all, []int{2}, 1},
		"included":              {listing.Events{Included: []string{"trigger", "post_variable"}}, all, []int{0, 3}, 2},
		"excluded":              {listing.Events{Excluded: []string{"trigger", "post_variable"}}, all, []int{1, 2}, 2},
		"without kinds":         {listing.Events{ButKinds: []store.EventKind{store.EventVariableSet}}, all, []int{0, 1, 2}, 3},
		"such DAGs and runs":    {listing.Events{DAGIDLike: listing.Like{"D"}, RunIDLike: listing.Like{"e%y"}}, all, []int{1}, 1},
		"such tasks and owners": {listing.Events{TaskIDLike: listing.Like{"T"}, OwnerLike: listing.Like{"nn"}}, all, []int{2}, 1},
		"such names":            {listing.Events{EventLike: listing.Like{"var|x", "trig"}}, all, []int{0}, 1},
		"strictly between":      {listing.Events{After: new(at(1)), Before: new(at(3))}, all, []int{1}, 1},
		"by what is missing":    {listing.Events{}, listing.Page{Limit: 9, Order: order("dag_id", "Did")}, []int{1, 0, 2, 3}, 4},
		"down":                  {listing.Events{}, listing.Page{Limit: 9, Order: order("Dwhen")}, []int{3, 2, 1, 0}, 4},
		"by the name":           {listing.Events{}, listing.Page{Limit: 9, Order: order("event")}, []int{2, 1, 3, 0}, 4},
		"by the date of runs":   {listing.Events{}, listing.Page{Limit: 9, Order: order("logical_date")}, []int{1, 0, 2, 3}, 4},
		"by what was sent":      {listing.Events{}, listing.Page{Limit: 9, Order: order("Dextra")}, []int{1, 2, 3, 0}, 4},
	} {
		found, n, err := l.ListEvents(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []int
		for _, e := range found {
			got = append(got, int(e.ID-es[0].ID))
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
	for _, name := range listing.EventOrder() {
		_, _, err := l.ListEvents(t.Context(), listing.Events{}, listing.Page{Limit: 1, Order: order(name)})
		require.NoError(t, err, name)
	}
	_, _, err := l.ListEvents(t.Context(), listing.Events{}, listing.Page{Limit: 1, Order: order("nothing")})
	require.Error(t, err)
	found, _, err := l.ListEvents(t.Context(), listing.Events{}, all)
	require.NoError(t, err)
	assert.Equal(t, &listing.Event{Event: *es[1], LogicalDate: at(8)}, found[1])
	assert.True(t, found[2].LogicalDate.IsZero(), "there is no such run")
}
