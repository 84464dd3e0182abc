package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/history"
	"github.com/dingdag/dingdag/store"
)

// Logs and XComs may go before their runs do.
func TestRunsLoseLogsAndXComs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var rs []*store.Run
	for i := 1; i <= 5; i++ {
		rs = append(rs, w.run(strconv.Itoa(i), i, dag.RunSuccess, nil))
	}
	w.run("open", 6, dag.RunRunning, nil)
	plan := history.Plan{KeepLast: 2, Bounds: map[history.Kind]history.Bound{history.Logs: {Before: day(31)}, history.XComs: {Before: day(3)}}}
	would, err := history.New(w.options(w)).Would(t.Context(), plan)
	require.NoError(t, err)
	done := w.clean(plan)
	assert.Equal(t, map[history.Kind]int{history.Logs: 4, history.XComs: 2}, done.Counts)
	assert.Equal(t, done.Counts, would.Counts)
	assert.Len(t, w.ids(), 6, "the runs stay")
	assert.Equal(t, []string{"run_id=5", "run_id=open"}, w.logged(), "the last two runs are left as they are")
	xcoms := func(r *store.Run) bool {
		v, err := w.XCom(t.Context(), r.Key, "t", -1, "k")
		require.NoError(t, err)
		return v != nil
	}
	assert.Equal(t, []bool{false, false, true, true, true}, []bool{xcoms(rs[0]), xcoms(rs[1]), xcoms(rs[2]), xcoms(rs[3]), xcoms(rs[4])})
	assert.Empty(t, w.clean(plan).Counts, "nothing is left to do")

	// It is cleared, and has a log and an XCom again.
	rs[0].State = dag.RunQueued
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.UpdateRun(ctx, rs[0]) })
	rs[0].State = dag.RunSuccess
	w.write(func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.UpdateRun(ctx, rs[0]), tx.PutXCom(ctx, rs[0].Key, "t", -1, "k", []byte("2")))
	})
	w.log(rs[0])
	assert.Equal(t, map[history.Kind]int{history.Logs: 1, history.XComs: 1}, w.clean(plan).Counts)
}

// XComs of one run that are more than a step does are removed in several.
func TestManyXComs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.run("r", 1, dag.RunSuccess, nil)
	w.run("newest", 2, dag.RunSuccess, nil)
	w.write(func(ctx context.Context, tx store.Tx) (err error) {
		for i := range 100 {
			err = errors.Join(err, tx.PutXCom(ctx, r.Key, "m", i, "k", []byte("1")))
		}
		return err
	})
	done := w.clean(only(history.Bound{Before: day(31)}, history.XComs))
	assert.Equal(t, 101, done.Counts[history.XComs])
	assert.Greater(t, done.Steps, 2)
}

// A run that was made since has the id of one that is gone: their logs lie in the same folder.
func TestLogsOfARunThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.run("again", 1, dag.RunSuccess, nil)
	w.run("newest", 2, dag.RunSuccess, nil)
	w.write(func(ctx context.Context, tx store.Tx) error { _, err := tx.RemoveRun(ctx, old.Key); return err })
	// The process dies here.
	w.run("again", 1, dag.RunRunning, nil)
	w.clean(history.Plan{})
	assert.Equal(t, []string{"run_id=again", "run_id=newest"}, w.logged())
	left, err := w.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left)
	n, err := w.RowsOfRun(t.Context(), old.Key)
	require.NoError(t, err)
	assert.Zero(t, n.Total())
}

// The folder of a DAG goes with the last log in it.
func TestEmptyFolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("r", 1, dag.RunSuccess, nil)
	w.run("newest", 2, dag.RunSuccess, nil)
	require.NoError(t, os.RemoveAll(filepath.Join(w.logs, "dag_id=d", "run_id=newest"))) // it had no tasks
	w.clean(only(history.Bound{Before: day(31)}, history.Logs))
	assert.NoDirExists(t, filepath.Join(w.logs, "dag_id=d"))
	left, err := os.ReadDir(filepath.Join(w.logs, ".removed"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What can't be removed is told, and keeps nothing else from going.
func TestLogsThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("r", 1, dag.RunSuccess, nil)
	w.run("newest", 2, dag.RunSuccess, nil)
	require.NoError(t, os.WriteFile(filepath.Join(w.logs, ".removed"), nil, 0o600)) // no folder
	_, err := history.New(w.options(w)).Clean(t.Context(), everything())
	require.ErrorContains(t, err, "old logs")
	assert.Equal(t, []string{"newest"}, w.ids())
	left, err := w.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Len(t, left, 1, "it is tried again")
	require.NoError(t, os.Remove(filepath.Join(w.logs, ".removed")))
	w.clean(everything())
	assert.NoDirExists(t, filepath.Join(w.logs, "dag_id=d", "run_id=r"))
	left, err = w.RemovedRuns(t.Context(), 0, 9)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// errKilled ends everything that comes after it.
var errKilled = errors.New("killed")

// dying is a store whose process dies at one of its transactions: before it begins, before it is
// committed, or after that.
type dying struct {
	store.Store
	left  int
	where int
}

func (s *dying) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if s.left--; s.left > 0 {
		return s.Store.Tx(ctx, fn)
	}
	if s.left < 0 || s.where == 0 {
		return errKilled
	}
	return errors.Join(s.Store.Tx(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || s.where == 2 {
			return err
		}
		return errKilled
	}), errKilled)
}

// Wherever the process dies: no run that is still there has lost anything that it should have, and
// the next one removes what is left, so that it all ends as it would have.
func TestDeathBetweenTwoSteps(t *testing.T) {
	t.Parallel()
	plan := history.Plan{KeepLast: 1, Bounds: map[history.Kind]history.Bound{
		history.Runs: {Before: day(3)}, history.Logs: {Before: day(5)}, history.XComs: {Before: day(5)}, history.Versions: {},
	}}
	make5 := func(t *testing.T) *world {
		t.Helper()
		w := newWorld(t)
		for i := 1; i <= 6; i++ {
			w.run(strconv.Itoa(i), i, dag.RunSuccess, func(r *store.Run) { r.Version = "v" + strconv.Itoa(i) })
		}
		return w
	}
	steps := 1 + make5(t).clean(plan).Steps
	for where, name := range []string{"before a step", "before a commit", "after a commit"} {
		for n := 1; n <= steps; n++ {
			t.Run(fmt.Sprintf("%s, %d", name, n), func(t *testing.T) {
				t.Parallel()
				w := make5(t)
				done, err := history.New(w.options(&dying{Store: w, left: n, where: where})).Clean(t.Context(), plan)
				if where < 2 {
					assert.Equal(t, 6-len(w.ids()), done.Counts[history.Runs], "it tells what was committed")
				}
				if n < steps {
					require.ErrorIs(t, err, errKilled)
				}
				for _, id := range []string{"5", "6"} {
					assert.Contains(t, w.logged(), "run_id="+id)
				}
				w.clean(plan)
				assert.Equal(t, []string{"3", "4", "5", "6"}, w.ids())
				assert.Equal(t, []string{"run_id=5", "run_id=6"}, w.logged())
				left, err := w.RemovedRuns(t.Context(), 0, 9)
				require.NoError(t, err)
				assert.Empty(t, left)
				for key := range int64(6) {
					rows, err := w.RowsOfRun(t.Context(), key+1)
					require.NoError(t, err)
					want := store.RunRows{}
					if key >= 2 {
						want.Instances = 1
					}
					if key >= 4 {
						want.XComs = 1
					}
					assert.Equal(t, want, rows, "run %d", key+1)
				}
				for i := 1; i <= 6; i++ {
					_, err := w.Version(t.Context(), "v"+strconv.Itoa(i))
					assert.Equal(t, i < 3, errors.Is(err, store.ErrNotFound), "version %d", i)
				}
			})
		}
	}
}
