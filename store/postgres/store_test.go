package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/storetest"
)

// Processes that open one empty database at once find one set of tables.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	u := database(t)
	var opening sync.WaitGroup
	for range 4 {
		opening.Go(func() {
			s, err := postgres.Open(t.Context(), u, postgres.Options{})
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	opening.Wait()
}

// putVersion writes something that can be found again.
func putVersion(ctx context.Context, name string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.PutVersion(ctx, name, "d", []byte("source"), time.Unix(1, 0)) }
}

// The transactions of all processes follow one another; one that waits for too long may come again.
func TestTransactionsOfProcessesFollowEachOther(t *testing.T) {
	t.Parallel()
	u := database(t)
	one, other := open(t, u, postgres.Options{Node: "one"}), open(t, u, postgres.Options{Node: "other", Wait: 50 * time.Millisecond})
	require.NoError(t, one.Tx(t.Context(), func(tx store.Tx) error {
		assert.NoError(t, putVersion(t.Context(), "a")(tx))
		assert.ErrorIs(t, other.Tx(t.Context(), putVersion(t.Context(), "b")), store.ErrBusy)
		return nil
	}))
	require.NoError(t, other.Tx(t.Context(), putVersion(t.Context(), "c")))
	_, err := one.Version(t.Context(), "b")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A process that stands still in a transaction holds up nobody for long, and what it began is taken back.
func TestAFrozenProcess(t *testing.T) {
	t.Parallel()
	u := database(t)
	frozen, other := open(t, u, postgres.Options{Idle: time.Second}), open(t, u, postgres.Options{Node: "other"})
	err := frozen.Tx(t.Context(), func(tx store.Tx) error {
		assert.NoError(t, putVersion(t.Context(), "frozen")(tx))
		assert.NoError(t, other.Tx(t.Context(), putVersion(t.Context(), "other")))
		return nil
	})
	require.ErrorIs(t, err, store.ErrBusy)
	_, err = other.Version(t.Context(), "frozen")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, frozen.Tx(t.Context(), putVersion(t.Context(), "again")), "it goes on")
}

// Jobs that another process hands out are begun when it tells, and not when somebody looks; and so is what follows in a chain.
func TestWorkersAreWoken(t *testing.T) {
	t.Parallel()
	u := database(t)
	worker, other := open(t, u, postgres.Options{Looks: time.Hour}), open(t, u, postgres.Options{Node: "other"})
	const last = 20
	ended := make(chan int, last)
	storetest.Work(t, worker, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		next := j
		next.Try++
		err := worker.Tx(ctx, func(tx store.Tx) error {
			if next.Try <= last {
				if err := tx.Enqueue(ctx, []store.Job{next}); err != nil {
					return err
				}
			}
			return tx.Complete(ctx, j)
		})
		ended <- j.Try
		return err
	}})
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error {
		return tx.Enqueue(t.Context(), []store.Job{{TaskID: "t", Try: 1}})
	}))
	for try := range last {
		assert.Equal(t, try+1, <-ended)
	}
}

// What others commit is noticed, what a process commits itself is not while it is told; where nobody can be told, it is
// found by looking.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]postgres.Options{"told": {}, "looking": {PollOnly: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := database(t)
			own, other := open(t, u, o), open(t, u, postgres.Options{Node: "other"})
			ctx, cancel := context.WithCancel(t.Context())
			noticed, ended := make(chan struct{}, 100), make(chan error)
			go func() { ended <- own.Watch(ctx, func() { noticed <- struct{}{} }) }()
			<-noticed // what there is
			for _, v := range []string{"a", "b"} {
				require.NoError(t, other.Tx(t.Context(), putVersion(t.Context(), v)))
				<-noticed
			}
			cancel()
			require.NoError(t, <-ended)
		})
	}
}

// Texts that the database would refuse are kept with a mark in place of what is wrong with them.
func TestTextsThatAreNone(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), postgres.Options{})
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.PutNote(t.Context(), &store.Note{RunKey: 1, Content: "a\x00b\xd6\xd0c", At: time.Unix(1, 0)})
	}))
	notes, err := s.Notes(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, notes, 1)
	assert.Equal(t, "a\uFFFDb\uFFFDc", notes[0].Content)

	// As one of so many that they are a list in JSON, too.
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.InsertRun(t.Context(), &store.Run{DAGID: "a\x00b", RunID: "r", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: time.Unix(1, 0)})
		return err
	}))
	many := make([]string, 600)
	for i := range many {
		many[i] = fmt.Sprint("d", i)
	}
	many[17] = "a\x00b"
	for _, ids := range [][]string{many[17:18], many} {
		runs, _, err := s.Lists().ListRuns(t.Context(), listing.Runs{DAGIDs: ids}, listing.Page{Limit: 9})
		require.NoError(t, err)
		assert.Len(t, runs, 1)
	}
}

// cutter is a connection that is lost as soon as something was sent, or in its place.
type cutter struct {
	net.Conn
	on    *regexp.Regexp
	cut   *atomic.Int64
	first bool
}

var commits = regexp.MustCompile(`(?i)^Q....commit\x00`)

// Write sends what is written.
func (c cutter) Write(b []byte) (int, error) {
	lost := c.on.Match(b) && c.cut.Add(-1) >= 0
	if lost && c.first {
		return 0, errors.Join(net.ErrClosed, c.Close())
	}
	n, err := c.Conn.Write(b)
	if lost {
		_ = c.Conn.(*net.TCPConn).CloseRead()
	}
	return n, err
}

// A commit whose answer is lost has landed, and its function is told so; one that was lost itself has not.
func TestTheAnswerToACommitIsLost(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the answer": false, "the commit": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Int64
			s, err := postgres.OpenThrough(t.Context(), database(t), postgres.Options{}, func(c net.Conn) net.Conn { return cutter{c, commits, &cut, lost} })
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			cut.Store(1)
			undone := false
			err = s.Tx(t.Context(), func(tx store.Tx) error {
				tx.OnFailure(func() { undone = true })
				return putVersion(t.Context(), "a")(tx)
			})
			assert.Less(t, cut.Load(), int64(1), "the connection was cut")
			assert.Equal(t, lost, undone)
			if lost {
				require.ErrorIs(t, err, store.ErrBusy)
				_, err = s.Version(t.Context(), "a")
				require.ErrorIs(t, err, store.ErrNotFound)
				return
			}
			require.NoError(t, err)
			_, err = s.Version(t.Context(), "a")
			require.NoError(t, err)
		})
	}
}

// bounds hears of the statements that no time ends.
type bounds struct{ without []string }

func (b *bounds) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if _, ok := ctx.Deadline(); !ok {
		b.without = append(b.without, q.SQL)
	}
	return ctx
}

func (*bounds) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceCopyFromStart hears of the jobs that River writes.
func (b *bounds) TraceCopyFromStart(ctx context.Context, c *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	return b.TraceQueryStart(ctx, c, pgx.TraceQueryStartData{SQL: "COPY " + d.TableName.Sanitize()})
}

func (*bounds) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

// A connection that leads nowhere holds up those that wait behind a transaction for a time and not for ever: each of its
// statements has an end.
func TestStatementsOfATransactionEnd(t *testing.T) {
	t.Parallel()
	heard := &bounds{}
	s, err := postgres.OpenTraced(t.Context(), database(t), postgres.Options{PollOnly: true}, heard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	assert.NotEmpty(t, heard.without, "statements are heard")
	heard.without = nil
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		assert.NoError(t, putVersion(t.Context(), "a")(tx))
		_, err := tx.Version(t.Context(), "a")
		assert.NoError(t, err)
		return tx.Enqueue(t.Context(), []store.Job{{TaskID: "t", Try: 1}})
	}))
	assert.ErrorIs(t, s.Tx(t.Context(), func(store.Tx) error { return assert.AnError }), assert.AnError)
	assert.Empty(t, heard.without)
}

// Space that is no longer used is given back when the tables are written anew.
func TestVacuum(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), postgres.Options{})
	put := func(version string, source []byte) {
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
			return tx.PutVersion(t.Context(), version, "d", source, time.Unix(1, 0))
		}))
	}
	noise := make([]byte, 1<<20) // which no compression makes smaller
	_, err := rand.Read(noise)
	require.NoError(t, err)
	put("v", []byte(base64.StdEncoding.EncodeToString(noise)))
	full, err := s.Space(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.RemoveVersions(t.Context(), []string{"v"})
	}))
	require.NoError(t, s.Vacuum(t.Context()))
	left, err := s.Space(t.Context())
	require.NoError(t, err)
	assert.Less(t, left.Total, full.Total-1<<20)
	put("v", []byte("text"))
}
