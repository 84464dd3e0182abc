// Package listtest is the part of the suite of stores about what lists show beside runs and task instances:
// notes, and the numbers of versions.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package listtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// VersionsAreNumbered checks that each DAG counts its versions, and that one that comes again keeps its number.
func VersionsAreNumbered(t *testing.T, s store.Store) {
	at := func(h int) time.Time { return midnight.Add(time.Duration(h) * time.Hour) }
	for i, v := range []struct{ version, dagID string }{{"a1", "a"}, {"b1", "b"}, {"a2", "a"}, {"a1", "a"}, {"a3", "a"}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, v.version, v.dagID, []byte("x"), at(i))
		})
	}
	for version, want := range map[string]store.Version{
		"a1": {Version: "a1", DAGID: "a", Number: 1, CreatedAt: at(0)}, "b1": {Version: "b1", DAGID: "b", Number: 1, CreatedAt: at(1)},
		"a2": {Version: "a2", DAGID: "a", Number: 2, CreatedAt: at(2)}, "a3": {Version: "a3", DAGID: "a", Number: 3, CreatedAt: at(4)},
	} {
		got, err := s.VersionInfo(t.Context(), version)
		require.NoError(t, err)
		assert.Equal(t, want, *got)
	}
	_, err := s.VersionInfo(t.Context(), "none")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// NotesAreKept checks that a note is replaced by the next one, and goes with an empty one and with its run.
func NotesAreKept(t *testing.T, s store.Store) {
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: midnight, Version: "v"}
	write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	ann := store.Actor{Name: "ann", Via: store.ViaUI}
	put := func(task string, index int, text string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutNote(ctx, &store.Note{RunKey: r.Key, TaskID: task, MapIndex: index, Content: text, Actor: ann, At: midnight})
		})
	}
	put("", -1, "run")
	put("t", 3, "first")
	put("t", 3, "second")
	put("t", 4, "gone")
	put("t", 4, "")
	got, err := s.Notes(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Equal(t, []*store.Note{
		{RunKey: r.Key, MapIndex: -1, Content: "run", Actor: ann, At: midnight}, {RunKey: r.Key, TaskID: "t", MapIndex: 3, Content: "second", Actor: ann, At: midnight},
	}, got)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.RemoveRowsOfRun(ctx, r.Key, 100)
		return err
	})
	got, err = s.Notes(t.Context(), r.Key)
	require.NoError(t, err)
	assert.Empty(t, got)
}

// Lists are the lists of a store.
func Lists(t *testing.T, s store.Store) listing.Reader {
	t.Helper()
	l, ok := s.(interface{ Lists() listing.Reader })
	require.True(t, ok, "the store has no lists")
	return l.Lists()
}

// VersionsAreListed checks the filters, orders and pages of the list of versions.
func VersionsAreListed(t *testing.T, s store.Store) {
	for i, v := range []struct{ version, dagID string }{{"z", "a"}, {"b1", "b"}, {"y", "a"}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			return tx.PutVersion(ctx, v.version, v.dagID, []byte("x"), midnight.Add(time.Duration(i)*time.Hour))
		})
	}
	l := Lists(t, s)
	for name, c := range map[string]struct {
		f    listing.Versions
		p    listing.Page
		want []string
		n    int
	}{
		"all":            {listing.Versions{}, listing.Page{Limit: 9}, []string{"z", "y", "b1"}, 3},
		"as they came":   {listing.Versions{}, listing.Page{Limit: 9, Order: []listing.Key{{Name: "id"}}}, []string{"z", "b1", "y"}, 3},
		"the last first": {listing.Versions{}, listing.Page{Limit: 1, Order: []listing.Key{{Name: "id", Desc: true}}}, []string{"y"}, 3},
		"of a DAG":       {listing.Versions{DAGIDs: []string{"a"}}, listing.Page{Limit: 9, Order: []listing.Key{{Name: "version_number", Desc: true}}}, []string{"y", "z"}, 2},
		"a number":       {listing.Versions{DAGIDs: []string{"a"}, Number: new(2)}, listing.Page{Limit: 9}, []string{"y"}, 1},
		"a name":         {listing.Versions{Version: "b1"}, listing.Page{Limit: 9}, []string{"b1"}, 1},
		"nobody's":       {listing.Versions{DAGIDs: []string{}}, listing.Page{Limit: 9}, nil, 0},
		"an empty page":  {listing.Versions{}, listing.Page{Offset: 1}, nil, 3},
	} {
		found, n, err := l.ListVersions(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []string
		for _, v := range found {
			got = append(got, v.Version)
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
	_, _, err := l.ListVersions(t.Context(), listing.Versions{}, listing.Page{Order: []listing.Key{{Name: "source"}}})
	require.ErrorContains(t, err, `"source"`)
}

// StatesAreCounted checks how many runs DAGs have in each state.
func StatesAreCounted(t *testing.T, s store.Store) {
	for i, r := range []store.Run{
		{DAGID: "b", State: dag.RunFailed}, {DAGID: "a", State: dag.RunSuccess}, {DAGID: "a", State: dag.RunQueued}, {DAGID: "b", State: dag.RunFailed}, {DAGID: "b", State: dag.RunRunning},
	} {
		r.RunID, r.Type, r.RunAfter, r.Version = string(rune('a'+i)), dag.ManualRun, midnight, "v"
		write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, &r); return err })
	}
	l := Lists(t, s)
	all, err := l.CountStates(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, []listing.StateCount{
		{DAGID: "a", State: dag.RunQueued, Count: 1},
		{DAGID: "a", State: dag.RunSuccess, Count: 1},
		{DAGID: "b", State: dag.RunFailed, Count: 2},
		{DAGID: "b", State: dag.RunRunning, Count: 1},
	}, all)
	some, err := l.CountStates(t.Context(), []string{"a", "none"})
	require.NoError(t, err)
	assert.Equal(t, all[:2], some)
	none, err := l.CountStates(t.Context(), []string{})
	require.NoError(t, err)
	assert.Empty(t, none)
}

// XComsAreListed checks the filters, order, pages and moments of the list of XComs.
func XComsAreListed(t *testing.T, s store.Store) {
	at := func(m int) time.Time { return midnight.Add(time.Duration(m) * time.Minute) }
	var keys []int64
	for i, id := range []string{"b", "a"} {
		r := &store.Run{DAGID: "d", RunID: id, Type: dag.ManualRun, State: dag.RunRunning, LogicalDate: at(i), RunAfter: at(i), StartDate: at(5), Version: "v"}
		write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
		keys = append(keys, r.Key)
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			tx.PutInstances(ctx, []*store.Instance{{RunKey: keys[0], TaskID: "t", MapIndex: 0, State: dag.Success, Try: 1, StartDate: at(6), EndDate: at(7)}}),
			tx.PutXCom(ctx, keys[0], "t", 0, "k", []byte("1")),
			tx.PutXCom(ctx, keys[0], "t", 1, "other", []byte("1")),
			tx.PutXCom(ctx, keys[0], "s", -1, "k", []byte("1")),
			tx.EditXCom(ctx, keys[1], "t", 0, "k", []byte("1"), at(9)),
			tx.EditXCom(ctx, keys[1], "t", 1, "k", []byte("1"), at(9)),
			tx.PutXCom(ctx, keys[1], "t", 1, "k", []byte("2")), // a try again
		)
	})
	l := Lists(t, s)
	all := []string{"s b -1 k 00:05", "t a 0 k 00:09", "t a 1 k 00:05", "t b 0 k 00:07", "t b 1 other 00:05"}
	for name, c := range map[string]struct {
		f    listing.XComs
		p    listing.Page
		want []string
		n    int
	}{
		"all":            {listing.XComs{}, listing.Page{Limit: 9}, all, 5},
		"a page":         {listing.XComs{}, listing.Page{Limit: 2, Offset: 1}, all[1:3], 5},
		"of a run":       {listing.XComs{Runs: listing.Runs{DAGIDs: []string{"d"}, RunIDs: []string{"a"}}}, listing.Page{Limit: 9}, all[1:3], 2},
		"of no DAG":      {listing.XComs{Runs: listing.Runs{DAGIDs: []string{}}}, listing.Page{Limit: 9}, nil, 0},
		"of a date":      {listing.XComs{Runs: listing.Runs{LogicalDate: listing.Range[time.Time]{GTE: new(at(1))}}}, listing.Page{Limit: 9}, all[1:3], 2},
		"of a task":      {listing.XComs{TaskIDs: []string{"s"}}, listing.Page{Limit: 9}, all[:1], 1},
		"of such a task": {listing.XComs{TaskIDLike: listing.Like{"S"}}, listing.Page{Limit: 9}, all[:1], 1},
		"a key":          {listing.XComs{Key: new("other")}, listing.Page{Limit: 9}, all[4:], 1},
		"such a key":     {listing.XComs{KeyLike: listing.Like{"THE"}}, listing.Page{Limit: 9}, all[4:], 1},
		"indexes":        {listing.XComs{MapIndexes: [][]int{{0, 1}, {1}}}, listing.Page{Limit: 9}, []string{all[2], all[4]}, 2},
	} {
		found, n, err := l.ListXComs(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []string
		for _, x := range found {
			got = append(got, fmt.Sprintf("%s %s %d %s %s", x.TaskID, x.Run.RunID, x.MapIndex, x.Key, x.At.UTC().Format("15:04")))
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
}

// AsksAreListed checks the filters, orders and pages of the list of asks: those of old tries are not among them.
func AsksAreListed(t *testing.T, s store.Store) {
	at := func(m int) time.Time { return midnight.Add(time.Duration(m) * time.Minute) }
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ManualRun, State: dag.RunRunning, RunAfter: midnight, Version: "v"}
	write(t, s, func(ctx context.Context, tx store.Tx) error { _, err := tx.InsertRun(ctx, r); return err })
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		err := tx.PutInstances(ctx, []*store.Instance{
			{RunKey: r.Key, TaskID: "a", MapIndex: -1, State: dag.Deferred, Try: 2},
			{RunKey: r.Key, TaskID: "b", MapIndex: 0, State: dag.Success, Try: 1},
			{RunKey: r.Key, TaskID: "b", MapIndex: 1, State: dag.Failed, Try: 1},
		})
		for i, a := range []store.Ask{
			{TaskID: "a", MapIndex: -1, Try: 1, Subject: "old"},
			{TaskID: "b", MapIndex: 0, Try: 1, Subject: "Pay?", Body: "100 yuan"},
			{TaskID: "b", MapIndex: 1, Try: 1, Subject: "Late?"},
			{TaskID: "a", MapIndex: -1, Try: 2, Subject: "again"},
		} {
			a.RunKey, a.DAGID, a.RunID, a.Options, a.CreatedAt, a.State = r.Key, "d", "r", []string{"yes"}, at(i), store.AskOpen
			_, aerr := tx.InsertAsk(ctx, &a)
			err = errors.Join(err, aerr)
			switch a.Subject {
			case "Pay?":
				a.State, a.SettledAt, a.RespondedBy, a.Chosen = store.AskAnswered, at(9), store.Person{ID: "u1", Name: "Ann"}, []string{"yes"}
			case "Late?":
				a.State, a.SettledAt = store.AskTimedOut, at(8)
			default:
				continue
			}
			_, aerr = tx.SettleAsk(ctx, &a)
			err = errors.Join(err, aerr)
		}
		return err
	})
	l := Lists(t, s)
	by := func(name string) listing.Page {
		return listing.Page{Limit: 9, Order: []listing.Key{{Name: strings.TrimPrefix(name, "-"), Desc: name[0] == '-'}}}
	}
	for name, c := range map[string]struct {
		f    listing.Asks
		p    listing.Page
		want []string
		n    int
	}{
		"all":              {listing.Asks{}, by("ti_id"), []string{"Pay?", "Late?", "again"}, 3},
		"the last first":   {listing.Asks{}, by("-created_at"), []string{"again", "Late?", "Pay?"}, 3},
		"as they answered": {listing.Asks{}, by("responded_at"), []string{"Pay?", "Late?", "again"}, 3},
		"by state":         {listing.Asks{}, by("task_instance_state"), []string{"again", "Late?", "Pay?"}, 3},
		"a page":           {listing.Asks{}, listing.Page{Limit: 1, Offset: 1}, []string{"Late?"}, 3},
		"answered":         {listing.Asks{Answered: new(true)}, by("ti_id"), []string{"Pay?"}, 1},
		"not answered":     {listing.Asks{Answered: new(false)}, by("ti_id"), []string{"Late?", "again"}, 2},
		"by somebody":      {listing.Asks{ByID: []string{"u1"}, ByName: []string{"Ann", "x"}}, by("ti_id"), []string{"Pay?"}, 1},
		"a subject":        {listing.Asks{Subject: listing.Like{"AGA"}}, by("ti_id"), []string{"again"}, 1},
		"a body":           {listing.Asks{BodyLike: listing.Like{"yuan"}}, by("ti_id"), []string{"Pay?"}, 1},
		"of a state":       {listing.Asks{States: []string{"failed"}}, by("ti_id"), []string{"Late?"}, 1},
		"an index":         {listing.Asks{MapIndex: new(0)}, by("ti_id"), []string{"Pay?"}, 1},
		"a task":           {listing.Asks{TaskIDs: []string{"a"}}, by("ti_id"), []string{"again"}, 1},
		"such a task":      {listing.Asks{TaskIDLike: listing.Like{"B"}}, by("ti_id"), []string{"Pay?", "Late?"}, 2},
		"of late":          {listing.Asks{CreatedAt: listing.Range[time.Time]{GTE: new(at(3))}}, by("ti_id"), []string{"again"}, 1},
		"of no DAG":        {listing.Asks{Runs: listing.Runs{DAGIDs: []string{}}}, by("ti_id"), nil, 0},
	} {
		found, n, err := l.ListAsks(t.Context(), c.f, c.p)
		require.NoError(t, err, name)
		var got []string
		for _, a := range found {
			got = append(got, a.Subject)
		}
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.n, n, name)
	}
	for _, name := range listing.AskOrder() {
		_, n, err := l.ListAsks(t.Context(), listing.Asks{}, by("-"+name))
		require.NoError(t, err, name)
		assert.Equal(t, 3, n)
	}
}
