package sqlite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	} {
		plans := plansOf(t, s, c.do)
		require.NotEmpty(t, plans, name)
		for query, plan := range plans {
			for _, line := range plan {
				if strings.HasPrefix(line, "SCAN CONSTANT") || !strings.HasPrefix(line, "SCAN") && !strings.HasPrefix(line, "SEARCH") {
					continue
				}
				assert.True(t, slices.ContainsFunc(c.use, func(use string) bool { return strings.Contains(line, use) }), "%s: %s\n%s", name, line, query)
			}
		}
	}
}
