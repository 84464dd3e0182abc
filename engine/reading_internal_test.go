package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// slowly is a store that takes a second to read, and fails when it is told to.
type slowly struct {
	mu    sync.Mutex
	asked []int
	fails error
}

func (s *slowly) Attempts(_ context.Context, js []store.Job) ([]store.Attempt, error) {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, len(js))
	if s.fails != nil {
		return nil, s.fails
	}
	out := make([]store.Attempt, len(js))
	for n, j := range js {
		out[n] = store.Attempt{Run: &store.Run{Key: j.RunKey, State: dag.RunRunning}, Instance: &store.Instance{Try: j.Try}}
	}
	return out, nil
}

// What comes while others are read is read with the next, all at once, and each gets its own.
func TestReadingTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{}
		rd := &reading{store: s}
		var all sync.WaitGroup
		begin := func(from, to int) {
			for n := from; n < to; n++ {
				all.Go(func() {
					got, err := rd.read(t.Context(), store.Job{RunKey: int64(n), Try: n})
					assert.NoError(t, err)
					assert.Equal(t, int64(n), got.Run.Key)
					assert.Equal(t, n, got.Instance.Try)
				})
			}
		}
		begin(0, 1)
		synctest.Wait()
		begin(1, 2+atOnce)
		canceled, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			_, err := rd.read(canceled, store.Job{})
			assert.ErrorIs(t, err, context.Canceled, "it does not wait")
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		all.Wait()
		synctest.Wait()
		assert.Equal(t, []int{1, atOnce, 2}, s.asked, "the one that nobody waits for is read, too")

		s.fails = errors.New("away")
		_, err := rd.read(t.Context(), store.Job{})
		require.ErrorIs(t, err, s.fails)
		s.fails = nil
		begin(7, 8)
		all.Wait()
	})
}
