package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/dingdag/dingdag/store"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// What people list of the newest runs takes an index, however many there are.
func TestListsOfRunsReadNoHistory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	runs := func(f store.RunFilter) func() error {
		return func() error { _, err := s.Runs(t.Context(), f); return err }
	}
	failed := []dag.RunState{dag.RunFailed}
	for name, c := range map[string]struct {
		do  func() error
		use string
	}{
		"the newest runs":          {runs(store.RunFilter{Limit: 50}), "SCAN dag_run USING INDEX dag_run_newest"},
		"the newest failed runs":   {runs(store.RunFilter{Limit: 50, States: failed}), "SCAN dag_run USING INDEX dag_run_newest"},
		"what failed lately":       {runs(store.RunFilter{Limit: 50, States: failed, Since: time.Unix(1, 0)}), "SEARCH dag_run USING INDEX dag_run_ended"},
		"the newest run of each":   {func() error { _, err := s.NewestRuns(t.Context()); return err }, "SEARCH newest USING COVERING INDEX dag_run_recent (dag_id=?)"},
		"the newest runs of a DAG": {runs(store.RunFilter{DAGID: "d", Limit: 1}), "SEARCH dag_run USING INDEX dag_run_recent (dag_id=?)"},
	} {
		plans := plansOf(t, s, c.do)
		require.Len(t, plans, 1, name)
		for _, plan := range plans {
			assert.Contains(t, strings.Join(plan, "\n"), c.use, name)
		}
	}
}
