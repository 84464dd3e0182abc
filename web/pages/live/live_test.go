package live_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/web/pages/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func nothing() error { return nil }

func TestAPageIsToldOfItsTopicOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(10, time.Second)
		ctx, stop := context.WithCancel(t.Context())
		var told, idle atomic.Int32
		ended := make(chan error, 1)
		go func() {
			ended <- h.Follow(ctx, live.Topic{DAGID: "etl", RunID: "r1"}, nothing, func() error { told.Add(1); return nil }, 15*time.Second, func() error { idle.Add(1); return nil })
		}()
		synctest.Wait()
		for _, c := range []live.Topic{{DAGID: "other"}, {DAGID: "etl", RunID: "r2"}} {
			h.Changed(c)
		}
		synctest.Wait()
		assert.EqualValues(t, 0, told.Load(), "others do not concern it")
		for range 100 {
			h.Changed(live.Topic{DAGID: "etl", RunID: "r1"})
		}
		synctest.Wait()
		assert.EqualValues(t, 1, told.Load())
		h.Changed(live.Topic{DAGID: "etl"}) // the DAG, with all its runs
		h.Changed(live.Topic{})             // everything
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 1, told.Load(), "not within the second")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 2, told.Load(), "and once for all that came in it")
		time.Sleep(31 * time.Second)
		synctest.Wait()
		assert.EqualValues(t, 2, told.Load())
		assert.EqualValues(t, 2, idle.Load(), "it is kept open")
		assert.Equal(t, 1, h.Open())
		stop()
		assert.NoError(t, <-ended)
		assert.Zero(t, h.Open())
	})
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(2, time.Second)
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- h.Follow(t.Context(), live.Topic{}, nothing, nothing, time.Minute, nothing) }()
		}
		synctest.Wait()
		assert.ErrorIs(t, h.Follow(t.Context(), live.Topic{}, nothing, nothing, time.Minute, nothing), live.ErrFull)
		h.Stop()
		h.Stop()
		assert.NoError(t, <-ended)
		assert.NoError(t, <-ended)
		assert.ErrorIs(t, h.Follow(t.Context(), live.Topic{}, nothing, nothing, time.Minute, nothing), live.ErrFull, "it has stopped")
	})
}

func TestAPageThatIsGoneIsNotFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := live.New(2, time.Second)
		gone := errors.New("the connection is closed")
		ended := make(chan error, 1)
		go func() {
			ended <- h.Follow(t.Context(), live.Topic{}, nothing, func() error { return gone }, time.Minute, nothing)
		}()
		synctest.Wait()
		h.Changed(live.Topic{})
		assert.ErrorIs(t, <-ended, gone)
		assert.Zero(t, h.Open())
	})
}

// Nobody takes the places of all others.
func TestPagesOfAPersonAreBounded(t *testing.T) {
	t.Parallel()
	h := live.New(3*live.MostOf, time.Second)
	ann, bob := access.With(t.Context(), access.Identity{User: "ann"}), access.With(t.Context(), access.Identity{User: "bob"})
	var leave func()
	for range live.MostOf {
		var err error
		leave, _, err = h.Enter(ann)
		assert.NoError(t, err)
	}
	_, _, err := h.Enter(ann)
	assert.ErrorIs(t, err, live.ErrFull)
	assert.ErrorIs(t, h.Follow(ann, live.Topic{}, nothing, nothing, time.Minute, nothing), live.ErrFull)
	_, _, err = h.Enter(bob)
	assert.NoError(t, err)
	leave()
	_, _, err = h.Enter(ann)
	assert.NoError(t, err)
	_, _, err = h.Enter(ann)
	assert.ErrorIs(t, err, live.ErrFull)
}
