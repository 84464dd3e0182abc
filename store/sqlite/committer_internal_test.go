package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
)

func openStore(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// step is one function of a batch: it stores a version under its name and then does
// what the case says.
type step struct {
	name string
	do   func(t *transaction) error
}

// heard is what happened in which order, in one goroutine.
type heard struct{ what []string }

func (h *heard) say(what string) { h.what = append(h.what, what) }

// inOneCommit runs the steps in one transaction and returns what their callers are told.
func inOneCommit(t *testing.T, s *Store, steps ...step) []error {
	t.Helper()
	fns := make([]func(*transaction) error, len(steps))
	for i, st := range steps {
		fns[i] = func(tx *transaction) error {
			if err := tx.PutVersion(t.Context(), st.name, "d", []byte("source"), time.Unix(1, 0)); err != nil {
				return err
			}
			if st.do != nil {
				return st.do(tx)
			}
			return nil
		}
	}
	return s.queue.Together(t.Context(), fns...)
}

// landed lists which of the names are stored.
func landed(t *testing.T, s *Store, names ...string) []string {
	t.Helper()
	var got []string
	for _, name := range names {
		if _, err := s.Version(t.Context(), name); err == nil {
			got = append(got, name)
		} else {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
	}
	return got
}

var errBoom = errors.New("boom")

// What a function wants undone when it fails is undone before the next one runs, and before its
// caller hears of it; when the commit fails, for all of them.
func TestUndoingComesFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare string
		want    []string
	}{
		"a function fails": {"SELECT 1", []string{"a runs", "b runs", "undo b's second", "undo b", "c runs", "b hears boom"}},
		"the commit fails": {deferredKey, []string{"a runs", "b runs", "undo b's second", "undo b", "c runs", "undo a", "undo c", "a hears commit", "b hears boom", "c hears commit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, Options{})
			_, err := s.write.ExecContext(t.Context(), c.prepare)
			require.NoError(t, err)
			var h heard
			does := func(name string, more func(*transaction) error) step {
				return step{name, func(tx *transaction) error {
					h.say(name + " runs")
					tx.OnFailure(func() { h.say("undo " + name) })
					return more(tx)
				}}
			}
			errs := inOneCommit(t, s,
				does("a", func(*transaction) error { return nil }),
				does("b", func(tx *transaction) error {
					tx.OnFailure(func() { h.say("undo b's second") })
					return errBoom
				}),
				does("c", func(tx *transaction) error {
					if c.prepare != deferredKey {
						return nil
					}
					_, err := tx.c.Exec(t.Context(), "INSERT INTO child VALUES (1)")
					return err
				}),
			)
			for i, err := range errs {
				if err != nil {
					first, _, _ := strings.Cut(err.Error(), "\n")
					first, _, _ = strings.Cut(first, ":")
					h.say(string("abc"[i]) + " hears " + first)
				}
			}
			assert.Equal(t, c.want, h.what)

			h.what = nil
			alone := does("alone", func(*transaction) error { return errBoom })
			require.ErrorIs(t, errors.Join(inOneCommit(t, s, alone)...), errBoom)
			assert.Equal(t, []string{"alone runs", "undo alone"}, h.what)
		})
	}
}

// A function that is alone in a failed commit is undone as well, and before Tx returns.
func TestUndoingOfAFailedCommit(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	_, err := s.write.ExecContext(t.Context(), deferredKey)
	require.NoError(t, err)
	undone := false
	err = s.tx(t.Context(), func(tx *transaction) error {
		tx.OnFailure(func() { undone = true })
		tx.OnFailure(func() { panic("bang") })
		_, err := tx.c.Exec(t.Context(), "INSERT INTO child VALUES (1)")
		return err
	})
	require.ErrorContains(t, err, "commit: ")
	require.ErrorContains(t, err, "bang", "a mistake in one undoing hides nothing")
	assert.True(t, undone)
}

// deferredKey makes a table into which a row can be written, but not committed.
const deferredKey = `PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY);
	CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`

func TestFailuresInOneCommit(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	errs := inOneCommit(t, s,
		step{name: "a"},
		step{"fails", func(*transaction) error { return errBoom }},
		step{name: "b"},
		step{"panics", func(*transaction) error { panic("bang") }},
		step{"violates", func(tx *transaction) error { return tx.PutVersion(t.Context(), "null", "d", nil, time.Unix(1, 0)) }},
		step{name: "c"},
	)
	require.NoError(t, errors.Join(errs[0], errs[2], errs[5]))
	require.ErrorIs(t, errs[1], errBoom)
	require.ErrorContains(t, errs[3], "bang")
	require.ErrorContains(t, errs[4], "NOT NULL")
	assert.Equal(t, []string{"a", "b", "c"}, landed(t, s, "a", "fails", "b", "panics", "violates", "c"))
}

// When the commit fails, nothing has landed and everybody is told so; the store goes on.
func TestFailedCommits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare, undo string
		do            func(ctx context.Context, tx *transaction) error
		want          string
		later         bool
	}{
		"the commit itself": {
			prepare: deferredKey,
			do: func(ctx context.Context, tx *transaction) error {
				_, err := tx.c.Exec(ctx, "INSERT INTO child VALUES (1)")
				return err
			},
			want: "commit: ",
		},
		// SQLite takes back the whole transaction when there is no room.
		"a full disk": {
			prepare: "PRAGMA max_page_count = 1",
			undo:    "PRAGMA max_page_count = 1000000",
			do: func(ctx context.Context, tx *transaction) error {
				return tx.PutVersion(ctx, "big", "d", make([]byte, 1<<20), time.Unix(1, 0))
			},
			want: "full", later: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, Options{})
			_, err := s.write.ExecContext(t.Context(), c.prepare)
			require.NoError(t, err)
			errs := inOneCommit(t, s,
				step{name: "a"},
				step{"cause", func(tx *transaction) error { return c.do(t.Context(), tx) }},
				step{name: "b"},
			)
			for i, err := range errs {
				require.ErrorContains(t, err, c.want, i)
				assert.Equal(t, c.later, store.Temporary(err), i)
			}
			assert.Empty(t, landed(t, s, "a", "cause", "b", "big"))

			if c.undo != "" {
				_, err = s.write.ExecContext(t.Context(), c.undo)
				require.NoError(t, err)
			}
			require.NoError(t, errors.Join(inOneCommit(t, s, step{name: "after"})...))
			assert.Equal(t, []string{"after"}, landed(t, s, "after"))
		})
	}
}

// What another process holds is to be had later, and a closed store perhaps after a restart.
func TestALockedStoreIsBusy(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	other, err := OpenDB("file:" + s.path + "?_txlock=immediate")
	require.NoError(t, err)
	lock, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.write.ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	require.NoError(t, err)
	for _, n := range []int{1, 3} {
		for _, err := range inOneCommit(t, s, slices.Repeat([]step{{name: "a"}}, n)...) {
			require.ErrorIs(t, err, store.ErrBusy)
			require.ErrorContains(t, err, "locked")
		}
	}
	require.NoError(t, errors.Join(lock.Rollback(), other.Close()))
	require.NoError(t, errors.Join(inOneCommit(t, s, step{name: "a"})...))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Tx(t.Context(), func(store.Tx) error { return nil }), store.ErrBusy)
	assert.False(t, store.Temporary(store.ErrNotFound))
}

// A context that ends in the middle of a statement does not take the neighbours' work
// with it.
func TestCancellingInsideAFunctionLeavesTheNeighbours(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	errs := inOneCommit(t, s,
		step{name: "a"},
		step{"cancelled", func(tx *transaction) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			// It takes far longer than that.
			_, err := tx.c.Exec(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
				INSERT INTO xcom SELECT i, 't', -1, 'k', '1' FROM n`)
			<-ctx.Done()
			return errors.Join(err, ctx.Err())
		}},
		step{name: "b"},
	)
	require.NoError(t, errors.Join(errs[0], errs[2]))
	require.ErrorIs(t, errs[1], context.DeadlineExceeded)
	assert.Equal(t, []string{"a", "b"}, landed(t, s, "a", "cancelled", "b"))
}

// Functions that wait for a transaction to end share the next one.
func TestWaitingFunctionsShareACommit(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	const n = sqlcommit.Most
	var wg sync.WaitGroup
	begun, goOn := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		assert.NoError(t, s.tx(t.Context(), func(*transaction) error {
			close(begun)
			<-goOn
			return nil
		}))
	})
	<-begun
	seen := map[any]int{}
	for i := range n {
		wg.Go(func() {
			assert.NoError(t, s.tx(t.Context(), func(tx *transaction) error {
				seen[tx.c.tx]++
				return tx.PutVersion(t.Context(), strconv.Itoa(i), "d", []byte("source"), time.Unix(1, 0))
			}))
		})
	}
	for s.queue.Waiting() < n {
		runtime.Gosched()
	}
	close(goOn)
	wg.Wait()
	assert.Len(t, seen, 1, "commits")
}

func TestTransactionsAfterClose(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), Options{})
	require.NoError(t, err)

	// One that is under way when the store closes ends first.
	begun, goOn, closed := make(chan struct{}), make(chan struct{}), make(chan error)
	result := make(chan error)
	go func() {
		result <- s.Tx(t.Context(), func(store.Tx) error {
			close(begun)
			<-goOn
			return nil
		})
	}()
	<-begun
	go func() { closed <- s.Close() }()
	<-s.queue.Closing()
	close(goOn)
	require.NoError(t, <-result)
	require.NoError(t, <-closed)

	err = s.Tx(t.Context(), func(store.Tx) error {
		assert.Fail(t, "it ran")
		return nil
	})
	require.ErrorIs(t, err, sqlcommit.ErrClosed)
	require.NoError(t, s.Close(), "closing again does nothing")
}
