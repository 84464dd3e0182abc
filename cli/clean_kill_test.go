package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/worker"
)

// oldRuns gives a home folder runs that ended long ago, each with tasks, XComs and logs.
func oldRuns(t *testing.T, home string, runs, tasks int) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(home, "dingdag.db"), sqlite.Options{Synchronous: "NORMAL"})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) (err error) {
		err = tx.PutVersion(t.Context(), "v", "d", []byte("text"), time.Unix(1, 0))
		for i := range runs {
			due := at.Add(time.Duration(i) * time.Minute)
			r := &store.Run{DAGID: "d", RunID: fmt.Sprintf("r%05d", i), Type: dag.ManualRun, State: dag.RunQueued, LogicalDate: due, RunAfter: due, Version: "v"}
			_, ierr := tx.InsertRun(t.Context(), r)
			r.State, r.EndDate = dag.RunSuccess, due
			err = errors.Join(err, ierr, tx.UpdateRun(t.Context(), r))
			for n := range tasks {
				in := &store.Instance{RunKey: r.Key, TaskID: fmt.Sprintf("t%d", n), MapIndex: -1, State: dag.Success, Try: 1, MaxTries: 1}
				log := filepath.Join(home, "logs", worker.LogPath(r, in, 1))
				err = errors.Join(err, tx.PutInstances(t.Context(), []*store.Instance{in}), tx.PutXCom(t.Context(), r.Key, in.TaskID, -1, "k", json.RawMessage("1")),
					os.MkdirAll(filepath.Dir(log), 0o750), os.WriteFile(log, nil, 0o600))
			}
		}
		return err
	}))
}

// TestKillWhileCleaning kills db clean with SIGKILL at random moments after it has removed a run: no run that is
// still there has lost anything, and when one has come to its end nothing is left of those that are gone.
func TestKillWhileCleaning(t *testing.T) {
	t.Parallel()
	const tasks, kept = 3, 40
	kills := killsOr(6)
	runs := 300 * kills // more than all of them can remove
	if underRace {
		runs = 60 * kills
	}
	random := rand.New(rand.NewPCG(newKillSeed(t), 0))
	home := t.TempDir()
	oldRuns(t, home, runs, tasks)
	clean := []string{"--home", home, "db", "clean", "--before", "1d", "--keep-last", strconv.Itoa(kept), "-y"}
	s, err := sqlite.Open(t.Context(), filepath.Join(home, "dingdag.db"), sqlite.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	count := func() int {
		n, err := s.CountRuns(t.Context(), "d", dag.RunSuccess)
		require.NoError(t, err)
		return n
	}
	killed := 0
	for range kills {
		before := count()
		p := startProcess(t, os.Environ(), "dingdag", clean...)
		removes := time.NewTicker(time.Millisecond)
		for ended := false; !ended && count() == before; { // it comes to its end if nobody looks in time
			select {
			case <-removes.C:
			case <-p.ended:
				ended = true
			}
		}
		removes.Stop()
		select {
		case <-time.After(time.Duration(random.IntN(40)) * time.Millisecond):
		case <-p.ended:
		}
		_ = p.cmd.Process.Kill()
		if <-p.ended; p.cmd.ProcessState.Exited() {
			require.NoError(t, p.err, p.log)
		}
		if left, _ := leftOf(t, s, home, tasks); assert.GreaterOrEqual(t, len(left), kept) {
			assert.Equal(t, fmt.Sprintf("r%05d", runs-1), left[len(left)-1])
			if len(left) > kept {
				killed++
			}
		}
	}
	t.Logf("%d of %d were killed", killed, kills)
	assert.Positive(t, killed)
	out, err := exec.CommandContext(t.Context(), "dingdag", clean...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	left, logged := leftOf(t, s, home, tasks)
	assert.Len(t, left, kept)
	assert.Equal(t, left, logged, "no logs without a run")
}

// touched is how many runs, the oldest of those that are left, may have lost something to a kill.
const touched = 60

// leftOf are the ids of the runs of DAG d and of those that have logs. Every run must have all that is its
// own; what is removed is removed from the oldest on, and those are looked at.
func leftOf(t *testing.T, s *sqlite.Store, home string, tasks int) (left, logged []string) {
	t.Helper()
	rs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "d"})
	require.NoError(t, err)
	slices.SortFunc(rs, func(a, b *store.Run) int { return strings.Compare(a.RunID, b.RunID) })
	for i, r := range rs {
		if left = append(left, r.RunID); i >= touched {
			continue
		}
		rows, err := s.RowsOfRun(t.Context(), r.Key)
		require.NoError(t, err)
		assert.Equal(t, store.RunRows{Instances: tasks, XComs: tasks}, rows, r.RunID)
		logs, err := filepath.Glob(filepath.Join(home, "logs", r.LogFolder(), "*", "attempt=1.log"))
		require.NoError(t, err)
		assert.Len(t, logs, tasks, r.RunID)
	}
	removed, err := s.RemovedRuns(t.Context(), 0, 1<<20)
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(home, "logs", "dag_id=d", "*"))
	require.NoError(t, err)
	for _, name := range found {
		id := strings.TrimPrefix(filepath.Base(name), "run_id=")
		onRecord := slices.ContainsFunc(removed, func(r *store.RemovedRun) bool { return r.RunID == id })
		assert.True(t, onRecord || slices.Contains(left, id), "the logs of %s will stay for ever", id)
		if !onRecord {
			logged = append(logged, id)
		}
	}
	return left, logged
}
