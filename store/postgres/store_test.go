package postgres_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
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
	also  func()
	// deaf says that what comes is lost: the answer may be there before the connection is cut.
	deaf atomic.Bool
}

var commits = regexp.MustCompile(`(?i)^Q....commit\x00`)

// Write sends what is written.
func (c *cutter) Write(b []byte) (int, error) {
	lost := c.on.Match(b) && c.cut.Add(-1) >= 0
	if lost && c.first {
		return 0, errors.Join(net.ErrClosed, c.Close())
	}
	if lost {
		c.deaf.Store(true)
	}
	n, err := c.Conn.Write(b)
	if lost {
		if c.also != nil {
			c.also()
		}
		_ = c.Conn.(interface{ CloseRead() error }).CloseRead()
	}
	return n, err
}

// Read hears nothing of what comes after a cut.
func (c *cutter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.deaf.Load() {
		return 0, io.EOF
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
			s, err := postgres.OpenThrough(t.Context(), database(t), postgres.Options{}, func(c net.Conn) net.Conn { return &cutter{c, commits, &cut, lost, nil, atomic.Bool{}} })
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

// bounds hears of the statements that nothing ends.
type bounds struct {
	heard   int
	without []string
}

func (b *bounds) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if b.heard++; ctx.Done() == nil {
		b.without = append(b.without, q.SQL)
	}
	return ctx
}

func (*bounds) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A connection that leads nowhere holds up those that wait behind a transaction for a time and not for ever: each of its
// statements has an end.
func TestStatementsOfATransactionEnd(t *testing.T) {
	t.Parallel()
	heard := &bounds{}
	s, err := postgres.OpenTraced(t.Context(), database(t), postgres.Options{PollOnly: true}, heard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	heard.heard, heard.without = 0, nil
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		assert.NoError(t, putVersion(t.Context(), "a")(tx))
		_, err := tx.Version(t.Context(), "a")
		assert.NoError(t, err)
		return tx.Enqueue(t.Context(), []store.Job{{TaskID: "t", Try: 1}})
	}))
	assert.ErrorIs(t, s.Tx(t.Context(), func(store.Tx) error { return assert.AnError }), assert.AnError)
	assert.NotZero(t, heard.heard)
	assert.Empty(t, heard.without)
}

// line is a connection to the database that a test can take away.
type line struct {
	net.Conn
	net *network
}

// network is the way of a process to the database.
type network struct {
	// swallows says that what is sent gets lost without a word, and away that it cannot be sent.
	swallows, away atomic.Bool
	// tries counts what could not be sent.
	tries atomic.Int64
}

func (n *network) between(c net.Conn) net.Conn { return line{c, n} }

// Write sends what is written.
func (l line) Write(b []byte) (int, error) {
	switch {
	case l.net.away.Load():
		l.net.tries.Add(1)
		return 0, errors.Join(net.ErrClosed, l.Close())
	case l.net.swallows.Load():
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// CloseRead ends what is heard.
func (l line) CloseRead() error { return l.Conn.(*net.TCPConn).CloseRead() }

// Nobody waits for ever for an answer over a connection that leads nowhere, and all go on when there is another.
func TestConnectionsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	n := &network{}
	s, err := postgres.OpenThrough(t.Context(), database(t), postgres.Options{Answer: 100 * time.Millisecond, PollOnly: true, Looks: 10 * time.Millisecond}, n.between)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	watched := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Watch(ctx, func() { watched <- struct{}{} }) }()
	<-watched
	n.swallows.Store(true)
	_, err = s.Version(t.Context(), "a")
	require.ErrorIs(t, err, store.ErrBusy)
	require.ErrorContains(t, err, "no answer for 100ms")
	require.ErrorIs(t, s.Tx(t.Context(), putVersion(t.Context(), "a")), store.ErrBusy)
	_, err = s.Beat(t.Context(), time.Second)
	require.ErrorIs(t, err, store.ErrBusy)
	n.swallows.Store(false)
	for len(watched) > 0 {
		<-watched
	}
	require.NoError(t, s.Tx(t.Context(), putVersion(t.Context(), "a")))
	<-watched
	cancel()
	require.NoError(t, <-ended)
	_, err = s.Version(t.Context(), "a")
	require.NoError(t, err)
}

// Rows take as long as their reader does: time counts only while the database is waited for.
func TestAReaderTakesItsTime(t *testing.T) {
	t.Parallel()
	s := open(t, database(t), postgres.Options{Answer: 200 * time.Millisecond})
	const many = 100_000 // more than any buffer holds
	read := 0
	require.NoError(t, s.Count(t.Context(), many, func() {
		if read++; read == 1 {
			<-time.After(300 * time.Millisecond)
		}
	}))
	assert.Equal(t, many, read)
}

// While the database stays away after a commit whose answer was lost, its function is told nothing: what was committed must
// not count as failed.
func TestTheDatabaseStaysAwayAfterACommit(t *testing.T) {
	t.Parallel()
	for name, closes := range map[string]bool{"it comes back": false, "the store is closed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &network{}
			var cut atomic.Int64
			s, err := postgres.OpenThrough(t.Context(), database(t), postgres.Options{PollOnly: true}, func(c net.Conn) net.Conn {
				return &cutter{n.between(c), commits, &cut, false, func() { n.away.Store(true) }, atomic.Bool{}}
			})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			cut.Store(1)
			told := make(chan error, 1)
			go func() { told <- s.Tx(t.Context(), putVersion(t.Context(), "a")) }()
			require.Eventually(t, func() bool { return n.tries.Load() > 3 }, time.Minute, time.Millisecond)
			assert.Empty(t, told, "nobody knows yet")
			if closes {
				require.NoError(t, s.Close())
				err := <-told
				require.ErrorContains(t, err, "nobody knows whether it was committed")
				assert.NotErrorIs(t, err, store.ErrBusy, "to do it again may do it twice")
				return
			}
			n.away.Store(false)
			require.NoError(t, <-told)
			_, err = s.Version(t.Context(), "a")
			require.NoError(t, err)
		})
	}
}

// A connection over which nothing is heard any more is noticed and made anew.
func TestListeningGoesDeaf(t *testing.T) {
	t.Parallel()
	u := database(t)
	var deaf atomic.Bool
	s, err := postgres.OpenThrough(t.Context(), u, postgres.Options{Looks: 20 * time.Millisecond}, func(c net.Conn) net.Conn { return &earless{Conn: c, deaf: &deaf} })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	require.Eventually(t, s.Listening, time.Minute, time.Millisecond)
	deaf.Store(true)
	require.Eventually(t, func() bool { return !s.Listening() }, time.Minute, time.Millisecond)
	deaf.Store(false)
	require.Eventually(t, s.Listening, time.Minute, time.Millisecond)
}

// earless is a connection whose listener hears nothing of the database while it is deaf.
type earless struct {
	net.Conn
	listens atomic.Bool
	deaf    *atomic.Bool
}

// Write sends what is written.
func (c *earless) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("LISTEN ")) {
		c.listens.Store(true)
	}
	return c.Conn.Write(b)
}

// Read reads, and hears nothing while it is deaf.
func (c *earless) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.listens.Load() || !c.deaf.Load() {
			return n, err
		}
	}
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
