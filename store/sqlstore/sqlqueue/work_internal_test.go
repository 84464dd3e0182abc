package sqlqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// hears reports whether a listener is told something without waiting.
func hears(t *testing.T, l riverdriver.Listener) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	n, err := l.WaitForNotification(ctx)
	if err != nil {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return false
	}
	assert.Equal(t, &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"default"}`}, n)
	return true
}

// Each listener hears of it, once for however many jobs came, and none that was closed or did not listen yet.
func TestHub(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h Hub
		one, two, late := h.listener(), h.listener(), h.listener()
		require.NoError(t, errors.Join(one.Connect(t.Context()), two.Connect(t.Context())))
		for range 3 {
			h.Wake()
		}
		require.NoError(t, late.Connect(t.Context()))
		assert.True(t, hears(t, one))
		assert.False(t, hears(t, one), "one is enough")
		assert.True(t, hears(t, two))
		assert.False(t, hears(t, late), "it was not there yet")
		require.NoError(t, two.Close(t.Context()))
		h.Wake()
		assert.True(t, hears(t, one))
		assert.False(t, hears(t, two), "it is closed")
		assert.True(t, hears(t, late))
	})
}

// taker is River's executor when a number of jobs wait. It can do nothing else.
type taker struct {
	riverdriver.Executor
	waiting int
}

func (e taker) JobGetAvailable(_ context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	return &riverdriver.JobGetAvailableResult{Jobs: make([]*rivertype.JobRow, min(e.waiting, p.MaxToLock))}, nil
}

// When each free worker got a job there may be more, for which it is looked again.
func TestTakersLookAgain(t *testing.T) {
	t.Parallel()
	for waiting, again := range map[int]bool{0: false, 2: false, 3: true, 9: true} {
		synctest.Test(t, func(t *testing.T) {
			c := &Config{Hub: &Hub{}}
			l := c.Hub.listener()
			require.NoError(t, l.Connect(t.Context()))
			taken, err := executor{taker{waiting: waiting}, c}.JobGetAvailable(t.Context(), &riverdriver.JobGetAvailableParams{MaxToLock: 3})
			require.NoError(t, err)
			assert.Len(t, taken.Jobs, min(waiting, 3))
			assert.Equal(t, again, hears(t, l), waiting)
		})
	}
}

// conn notes what is run over it. Rows of jobs that are not there any more are not changed.
type conn struct {
	dialect sqlrow.Dialect
	gone    map[any]bool
	fails   error
	ran     []string
}

func (c *conn) Dialect() sqlrow.Dialect { return c.dialect }

func (c *conn) Exec(_ context.Context, query string, args ...any) (int64, error) {
	what, _, _ := strings.Cut(query, " WHERE")
	c.ran = append(c.ran, fmt.Sprintf("%s%v", what, args))
	if c.gone[args[0]] {
		return 0, c.fails
	}
	return 1, c.fails
}

func (*conn) Query(context.Context, string, ...any) (sqlrow.Rows, error) {
	return nil, errors.New("nothing is read")
}

// River ends no job: those that ended did so in transactions of their own. What it gives back is given back by this very
// taking of it, which River has uncounted, and wakes workers.
func TestRiverEndsNoJob(t *testing.T) {
	t.Parallel()
	for _, dialect := range []sqlrow.Dialect{sqlrow.SQLite, sqlrow.Postgres} {
		c := &conn{dialect: dialect, gone: map[any]bool{int64(3): true}}
		var tx *Tx
		p := NewProcess("here", "life")
		x := executor{nil, &Config{Process: p, Write: func(_ context.Context, fn func(*Tx) error) error {
			tx = NewTx(c, p, nil, func(func()) {})
			return fn(tx)
		}}}
		set := func(id int64, state rivertype.JobState, attempt *int) *riverdriver.JobSetStateIfRunningManyParams {
			return &riverdriver.JobSetStateIfRunningManyParams{
				ID: []int64{1, id, 4}, State: []rivertype.JobState{rivertype.JobStateCompleted, state, rivertype.JobStateAvailable}, Attempt: []*int{nil, attempt, new(6)},
			}
		}
		rows, err := x.JobSetStateIfRunningMany(t.Context(), set(2, rivertype.JobStateAvailable, new(0)))
		require.NoError(t, err)
		assert.Empty(t, rows)
		assert.Equal(t, []string{"UPDATE river_job SET state = 'available'[2 1 here]", "UPDATE river_job SET state = 'available'[4 7 here]"}, c.ran)
		assert.True(t, tx.Woke())

		c.ran = nil
		_, err = x.JobSetStateIfRunningMany(t.Context(), set(3, rivertype.JobStateAvailable, new(0)))
		require.NoError(t, err, "another has taken it since")
		assert.Len(t, c.ran, 2, "the next one is given back all the same")

		c.ran, c.fails = nil, errors.New("the disk is full")
		_, err = x.JobSetStateIfRunningMany(t.Context(), set(2, rivertype.JobStateAvailable, new(0)))
		require.ErrorIs(t, err, c.fails)

		c.ran = nil
		_, err = x.JobSetStateIfRunningMany(t.Context(), &riverdriver.JobSetStateIfRunningManyParams{
			ID: []int64{1, 2}, State: []rivertype.JobState{rivertype.JobStateCompleted, rivertype.JobStateCompleted}, Attempt: []*int{nil, new(3)},
		})
		require.NoError(t, err)
		assert.Empty(t, c.ran)
	}
}

// Whether a worker is woken depends on how many jobs wait more than before.
func TestWoke(t *testing.T) {
	t.Parallel()
	held := func(id int64) Handle { return Handle{ID: id, Attempt: 1, Node: "here", free: true} }
	c := &conn{}
	tx := NewTx(c, NewProcess("here", "life"), nil, func(func()) {})
	assert.False(t, tx.Woke())
	require.NoError(t, tx.change(t.Context(), "state = 'completed'", held(1)))
	assert.False(t, tx.Woke(), "a job that ends makes none wait")
	require.NoError(t, tx.giveBack(t.Context(), held(2)))
	assert.True(t, tx.Woke())
}

// A store that can only be read has no jobs, and says so.
func TestNoJobs(t *testing.T) {
	t.Parallel()
	var none *Jobs[int]
	_, err := none.Recover(t.Context())
	require.ErrorIs(t, err, errReading)
	_, err = none.Beat(t.Context(), time.Second)
	require.ErrorIs(t, err, errReading)
	require.ErrorIs(t, none.Work(t.Context(), store.WorkOptions{}), errReading)
	require.ErrorIs(t, Add(t.Context(), none, 1, nil), errReading)
	require.ErrorContains(t, (&Jobs[int]{}).Work(t.Context(), store.WorkOptions{Queues: []string{"a"}}), "serves all queues")
}
