package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlqueue"
)

func value[T any](t *testing.T, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query, args...).Scan(&v))
	return v
}

func TestPragmas(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]int{"": 2, "FULL": 2, "full": 2, "NORMAL": 1, "normal": 1} {
		s := openStore(t, Options{Synchronous: given})
		assert.Equal(t, want, value[int](t, s.write, "PRAGMA synchronous"), "given %q", given)
		for _, db := range []*sql.DB{s.write, s.read} {
			assert.Equal(t, "wal", value[string](t, db, "PRAGMA journal_mode"))
			assert.GreaterOrEqual(t, value[int](t, db, "PRAGMA busy_timeout"), 5000)
		}
		assert.Equal(t, 1, s.write.Stats().MaxOpenConnections, "two writers of one process would wait for each other by polling")
		_, err := s.read.ExecContext(t.Context(), "DELETE FROM dag")
		require.ErrorContains(t, err, "readonly")
	}
	_, err := Open(t.Context(), t.TempDir()+"/db", Options{Synchronous: "OF"})
	require.ErrorContains(t, err, `"OF"`)
}

// What Complete writes is what River's own cleaner and a person with sqlite3 expect,
// and River itself writes nothing to the job afterwards.
func TestCompletedJobs(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.Enqueue(t.Context(), []store.Job{{RunKey: 1, TaskID: "t"}})
	}))
	var got *store.Job
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) (err error) {
		if got, err = tx.Take(t.Context()); err != nil {
			return err
		}
		return tx.Complete(t.Context(), *got)
	}))
	id := got.Handle.(sqlqueue.Handle).ID
	assert.Equal(t, "completed", value[string](t, s.read, "SELECT state FROM river_job WHERE id = ?", id))
	at, err := time.Parse("2006-01-02 15:04:05.000", value[string](t, s.read, "SELECT cast(finalized_at AS text) FROM river_job WHERE id = ?", id))
	require.NoError(t, err, "River's format")
	assert.WithinDuration(t, time.Now(), at, time.Minute)
}

// A job that began long ago is not dead: River must not rescue it. It looks after no job, and
// nobody is elected who would.
func TestRiverRescuesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		begun, end, ended := make(chan struct{}, 9), make(chan struct{}), make(chan error)
		go func() {
			ended <- s.Work(ctx, store.WorkOptions{Workers: 2, Handle: func(context.Context, store.Job) error {
				begun <- struct{}{}
				<-end
				return nil
			}})
		}()
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
			return tx.Enqueue(t.Context(), []store.Job{{TaskID: "t"}})
		}))
		<-begun
		_, err := s.write.ExecContext(t.Context(), "UPDATE river_job SET attempted_at = ?", time.Now().AddDate(-5, 0, 0).UTC().Format("2006-01-02 15:04:05.000"))
		require.NoError(t, err)
		<-time.After(90 * time.Second) // River looks twice a minute
		assert.Equal(t, "running", value[string](t, s.read, "SELECT state FROM river_job"))
		assert.Empty(t, begun, "it was not begun again")
		assert.Zero(t, value[int](t, s.read, "SELECT count(*) FROM river_leader"))
		cancel()
		close(end)
		require.NoError(t, <-ended)
	})
}

func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	c, err := s.read.Conn(t.Context())
	require.NoError(t, err)
	defer func() { assert.NoError(t, c.Close()) }()
	idle := func() (kept map[string]statement) {
		require.NoError(t, c.Raw(func(dc any) error {
			kept = dc.(*conn).idle
			return nil
		}))
		return kept
	}

	// Two results of the same text at once do not share a statement.
	const query = "SELECT value FROM json_each(?)"
	outer, err := c.QueryContext(t.Context(), query, "[1, 2]")
	require.NoError(t, err)
	defer func() { assert.NoError(t, outer.Close()) }()
	assert.NotContains(t, idle(), query)
	for _, want := range []int{1, 2} {
		var got, inner int
		require.True(t, outer.Next())
		require.NoError(t, c.QueryRowContext(t.Context(), query, "[3]").Scan(&inner))
		require.NoError(t, outer.Scan(&got))
		assert.Equal(t, []int{want, 3}, []int{got, inner})
	}
	require.False(t, outer.Next())
	require.NoError(t, outer.Err())

	first, ok := idle()[query]
	require.True(t, ok)
	require.NoError(t, c.QueryRowContext(t.Context(), query, "[1]").Scan(new(int)))
	assert.Same(t, first, idle()[query], "used again")

	// A statement that failed may be used again.
	require.Error(t, c.QueryRowContext(t.Context(), query, "[").Scan(new(int)))
	require.NoError(t, c.QueryRowContext(t.Context(), query, "[1]").Scan(new(int)))

	for i := range 3 * statementsKept {
		require.NoError(t, c.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", i)).Scan(new(int)))
	}
	assert.Len(t, idle(), statementsKept)
	assert.Contains(t, idle(), fmt.Sprintf("SELECT %d", 3*statementsKept-1))
}

// A pragma takes effect while it is prepared: a kept one must be prepared anew.
func TestPragmasTakeEffectEachTime(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	for _, want := range []int{1, 2, 1, 2} {
		_, err := s.write.ExecContext(t.Context(), fmt.Sprint("PRAGMA synchronous = ", want))
		require.NoError(t, err)
		assert.Equal(t, want, value[int](t, s.write, "PRAGMA synchronous"))
	}
}
