package sqlite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// A batch of the removal of history looks at the first old rows, and finds each by a key or an
// index, however many there are and whatever they are needed by.
func TestRemovalReadsNoHistory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	at := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	ctx := t.Context()
	write := func(do func(store.Tx) error) func() error { return func() error { return s.Tx(ctx, do) } }
	runs := store.EndedRuns{DAGID: "d", Before: at, Limit: 1}
	pruned := runs
	pruned.With = store.PrunableLogs
	ops := map[string]func() error{
		"RunsOfDAGs":        func() error { _, err := s.RunsOfDAGs(ctx, 0, 9); return err },
		"RunsOfDAGs, with":  func() error { _, err := s.RunsOfDAGs(ctx, store.PrunableXComs, 9); return err },
		"EndedRuns":         func() error { _, err := s.EndedRuns(ctx, runs); return err },
		"EndedRuns, With":   func() error { _, err := s.EndedRuns(ctx, pruned); return err },
		"RemovedRuns":       func() error { _, err := s.RemovedRuns(ctx, 0, 1); return err },
		"RowsOfRun":         func() error { _, err := s.RowsOfRun(ctx, 1); return err },
		"UnusedVersions":    func() error { _, _, err := s.UnusedVersions(ctx, "", 1); return err },
		"the newest of all": func() error { _, err := s.Runs(ctx, store.RunFilter{DAGID: "d", Limit: 1, Offset: 9}); return err },
		"RemoveRun": write(func(tx store.Tx) error {
			r := &store.Run{DAGID: "d", RunID: "r", State: dag.RunSuccess, RunAfter: at, EndDate: at}
			if _, err := tx.InsertRun(ctx, r); err != nil {
				return err
			}
			_, err := tx.RemoveRun(ctx, r.Key)
			return err
		}),
		"RemoveRowsOfRun": write(func(tx store.Tx) error { _, err := tx.RemoveRowsOfRun(ctx, 1, 9); return err }),
		"ForgetRun":       write(func(tx store.Tx) error { return tx.ForgetRun(ctx, 1) }),
		"RemoveXComs":     write(func(tx store.Tx) error { _, err := tx.RemoveXComs(ctx, 1, 9); return err }),
		"MarkPruned":      write(func(tx store.Tx) error { _, err := tx.MarkPruned(ctx, 1, store.PrunableLogs); return err }),
		"RemoveVersions":  write(func(tx store.Tx) error { return tx.RemoveVersions(ctx, []string{"v"}) }),
	}
	for _, kind := range []store.OldKind{
		store.OldAlerts, store.OldSilences, store.OldTicks, store.OldPauses, store.OldImportErrors, store.OldLives, store.OldAssetEvents, store.OldBackfills, store.OldEvents, store.OldRequests, store.OldJobs,
	} {
		ops["old "+string(kind)] = func() error {
			_, err := s.OldRows(ctx, store.OldRows{Kind: kind, Before: at, Newest: 1, Limit: 1})
			return err
		}
		ops["removing "+string(kind)] = write(func(tx store.Tx) error { return tx.RemoveRows(ctx, kind, []int64{1}) })
	}
	for name, do := range ops {
		plans := plansOf(t, s, do)
		require.NotEmpty(t, plans, name)
		for query, plan := range plans {
			assert.Empty(t, wholeTablesReadBy(plan), "%s: %s\n%s", name, query, strings.Join(plan, "\n"))
		}
	}
}

// short are what a plan may read from end to end: the names that RunsOfDAGs has found so far,
// and the backfills that people made.
var short = []string{"SCAN own", "SCAN b"}

// wholeTablesReadBy are the lines of a plan that read or sort more rows than are asked for.
func wholeTablesReadBy(plan []string) (bad []string) {
	for _, line := range plan {
		if strings.HasPrefix(line, "SCAN") && !slices.Contains(short, line) || strings.Contains(line, "TEMP B-TREE") || strings.Contains(line, "AUTOMATIC") {
			bad = append(bad, line)
		}
	}
	return bad
}

// What has rows of runs loses them with their runs: a new table has to be named in
// store/sqlstore/history.go.
func TestRemovalKnowsAllTables(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	ctx := t.Context()
	want := texts(t, s.read, `SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'run_key'
		AND m.name NOT IN ('backfill_date') ORDER BY m.name`) // a date keeps what has become of it
	plans := plansOf(t, s, func() error {
		return s.Tx(ctx, func(tx store.Tx) error {
			r := &store.Run{DAGID: "d", RunID: "r", State: dag.RunSuccess, RunAfter: time.UnixMilli(1), EndDate: time.UnixMilli(2)}
			_, err := tx.InsertRun(ctx, r)
			_, rerr := tx.RemoveRun(ctx, r.Key)
			_, oerr := tx.RemoveRowsOfRun(ctx, r.Key, 9)
			return errors.Join(err, rerr, oerr, tx.ForgetRun(ctx, r.Key))
		})
	})
	var got []string
	for query := range plans {
		if rest, ok := strings.CutPrefix(query, "DELETE FROM "); ok && !strings.HasPrefix(rest, "dag_run ") {
			got = append(got, strings.Fields(rest)[0])
		}
	}
	want = append(want, "card", "card_press") // which have the names of a run, since a card may outlive it
	slices.Sort(want)
	slices.Sort(got)
	assert.Equal(t, want, got)
}
