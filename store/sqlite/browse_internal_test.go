package sqlite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// The lists of the REST API that tools ask for again and again take an index: counts and pages of a DAG or a run read
// nothing of others, and the newest runs come without sorting all.
func TestBrowsingTakesIndexes(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	ctx, now := t.Context(), time.Unix(9, 0)
	page := func(by string) listing.Page {
		name, desc := strings.CutPrefix(by, "-")
		return listing.Page{Limit: 5, Order: []listing.Key{{Name: name, Desc: desc}}}
	}
	runs := func(f listing.Runs, by string) func() error {
		f.Now = now
		return func() error { _, _, err := s.Lists().ListRuns(ctx, f, page(by)); return err }
	}
	instances := func(f listing.Instances, by string) func() error {
		f.Runs.Now = now
		return func() error { _, _, err := s.Lists().ListInstances(ctx, f, page(by)); return err }
	}
	events := func(f listing.Events, by string) func() error {
		return func() error { _, _, err := s.Lists().ListEvents(ctx, f, page(by)); return err }
	}
	require.NoError(t, s.Tx(ctx, func(tx store.Tx) error {
		return tx.InsertEvents(ctx, &store.Event{At: now.Add(time.Second), Actor: store.Actor{Name: "ann"}, DAGID: "d", RunID: "r", Kind: store.EventClear})
	}))
	// The rows of a page, and the dates of their runs.
	rows := []string{
		"SEARCH event_log USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH r USING INDEX sqlite_autoindex_dag_run_1 (dag_id=? AND run_id=?)",
	}
	d, r := []string{"d"}, []string{"r"}
	for name, c := range map[string]struct {
		do  func() error
		use []string
	}{
		"runs of a DAG":        {runs(listing.Runs{DAGIDs: d}, "id"), []string{"SEARCH r USING COVERING INDEX dag_run_recent (dag_id=?)"}},
		"newest runs":          {runs(listing.Runs{}, "-run_after"), []string{"SCAN r USING COVERING INDEX dag_run_newest", "SCAN dag_run USING COVERING INDEX dag_run_newest"}},
		"newest runs of a DAG": {runs(listing.Runs{DAGIDs: d}, "-run_after"), []string{"SEARCH r USING COVERING INDEX dag_run_recent (dag_id=?)"}},
		"runs that run":        {runs(listing.Runs{States: []string{"running"}}, "id"), []string{"r USING COVERING INDEX dag_run_open (state=?)"}},
		"runs that are open":   {runs(listing.Runs{States: []string{"running", "queued"}}, "-run_after"), []string{"r USING COVERING INDEX dag_run_open (state=?)"}},
		"newest failed runs":   {runs(listing.Runs{States: []string{"failed"}}, "-run_after"), []string{"r USING COVERING INDEX dag_run_failed_newest"}},
		"a run":                {runs(listing.Runs{DAGIDs: d, RunIDs: r}, "id"), []string{"(dag_id=? AND run_id=?)"}},
		"instances of a run":   {instances(listing.Instances{Runs: listing.Runs{DAGIDs: d, RunIDs: r}}, "map_index"), []string{"(dag_id=? AND run_id=?)", "ti USING COVERING INDEX sqlite_autoindex_task_instance_1 (run_key=?)"}},
		"an instance": {
			instances(listing.Instances{Runs: listing.Runs{DAGIDs: d, RunIDs: r}, TaskIDs: []string{"t"}}, "map_index"),
			[]string{"(dag_id=? AND run_id=?)", "ti USING COVERING INDEX sqlite_autoindex_task_instance_1 (run_key=? AND task_id=?)"},
		},
		"what is at work": {
			func() error { _, err := s.Lists().TasksAtWork(ctx); return err },
			[]string{"SEARCH r USING INDEX dag_run_open (state=?)", "SEARCH i USING INDEX sqlite_autoindex_task_instance_1 (run_key=?)"},
		},
		"versions of open runs": {
			func() error { _, err := s.Lists().VersionsInUse(ctx, listing.Runs{Open: true}); return err }, []string{"SEARCH r USING INDEX dag_run_open (state=?)"},
		},
		"DAGs of failed runs": {
			func() error {
				_, err := s.Lists().DAGsOfRuns(ctx, listing.Runs{States: []string{"failed"}})
				return err
			}, []string{"r USING COVERING INDEX dag_run_failed"},
		},
		"newest events":    {events(listing.Events{}, "-id"), []string{"SCAN e", "SCAN event_log USING COVERING INDEX"}},
		"events of a DAG":  {events(listing.Events{DAGID: new("d")}, "-id"), []string{"SEARCH e USING COVERING INDEX event_log_of_dag (dag_id=?)"}},
		"events of a run":  {events(listing.Events{DAGID: new("d"), RunID: new("r")}, "id"), []string{"SEARCH e USING COVERING INDEX event_log_of_run (dag_id=? AND run_id=?)"}},
		"events of a user": {events(listing.Events{Owner: new("ann")}, "-id"), []string{"SEARCH e USING COVERING INDEX event_log_of_owner (owner=?)"}},
		"events of late":   {events(listing.Events{After: new(now)}, "-when"), []string{"SEARCH e USING COVERING INDEX event_log_at (at>?)"}},
		"an event":         {events(listing.Events{ID: 1}, "id"), []string{"SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"}},
	} {
		plans := plansOf(t, s, c.do)
		require.NotEmpty(t, plans, name)
		for query, plan := range plans {
			for _, line := range plan {
				if strings.HasPrefix(line, "SCAN CONSTANT") || !strings.HasPrefix(line, "SCAN") && !strings.HasPrefix(line, "SEARCH") {
					continue
				}
				assert.True(t, slices.ContainsFunc(slices.Concat(c.use, rows), func(use string) bool { return strings.Contains(line, use) }), "%s: %s\n%s", name, line, query)
			}
		}
	}
}
