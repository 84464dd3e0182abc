//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func txOneAfterAnother(t *testing.T, open Open) {
	s := open(t, Node{})
	const each = 20
	inside, ran := false, 0 // unguarded: the race detector looks too
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range each {
				assert.NoError(t, s.Tx(t.Context(), func(store.Tx) error {
					assert.False(t, inside, "another function is under way")
					inside = true
					ran++
					inside = false
					return nil
				}))
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 8*each, ran)
}

var errBoom = errors.New("boom")

// However many share a commit, one that fails or panics leaves nothing and the others land.
func txTakesBackItsOwn(t *testing.T, open Open) {
	s := open(t, Node{})
	const n = 60
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := s.Tx(t.Context(), func(tx store.Tx) error {
				ok, err := tx.InsertRun(t.Context(), newRun("d", strconv.Itoa(i), time.Time{}))
				if !ok || err != nil {
					return fmt.Errorf("insert: %t, %w", ok, err)
				}
				if _, err := tx.RunByID(t.Context(), "d", strconv.Itoa(i)); err != nil {
					return fmt.Errorf("read back: %w", err)
				}
				switch i % 3 {
				case 1:
					return errBoom
				case 2:
					panic("bang")
				default:
					return nil
				}
			})
			switch i % 3 {
			case 1:
				assert.ErrorIs(t, err, errBoom)
			case 2:
				assert.ErrorContains(t, err, "bang")
			default:
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	rs, err := s.Runs(t.Context(), store.RunFilter{})
	require.NoError(t, err)
	var got, want []string
	for _, r := range rs {
		got = append(got, r.RunID)
	}
	for i := 0; i < n; i += 3 {
		want = append(want, strconv.Itoa(i))
	}
	assert.ElementsMatch(t, want, got)
}

// What is to be undone after a failure is undone before another function runs and before Tx
// returns, the last first; after a success nothing is.
func txUndone(t *testing.T, open Open) {
	s := open(t, Node{})
	const n = 60
	undone := make([][]int, n) // unguarded: the race detector looks too
	failed := 0                // and not undone
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := s.Tx(t.Context(), func(tx store.Tx) error {
				assert.Zero(t, failed, "another function failed and is not undone")
				tx.OnFailure(func() { undone[i] = append(undone[i], 1); failed = 0 })
				tx.OnFailure(func() { undone[i] = append(undone[i], 2) })
				switch i % 3 {
				case 1:
					failed++
					return errBoom
				case 2:
					failed++
					panic("bang")
				default:
					return nil
				}
			})
			if i%3 == 0 {
				assert.NoError(t, err)
				assert.Empty(t, undone[i])
			} else {
				assert.Error(t, err)
				assert.Equal(t, []int{2, 1}, undone[i])
			}
		})
	}
	wg.Wait()
}

func txCancelled(t *testing.T, open Open) {
	s := open(t, Node{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Tx(ctx, func(store.Tx) error {
		assert.Fail(t, "it ran")
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)

	// One that is cancelled on its way either lands and says so, or neither.
	ctx, cancel = context.WithCancel(t.Context())
	err = s.Tx(ctx, func(tx store.Tx) error {
		cancel()
		return tx.PutVersion(ctx, "v", "d", []byte("source"), time.Unix(1, 0))
	})
	_, rerr := s.Version(t.Context(), "v")
	assert.Equal(t, err == nil, rerr == nil, "Tx says %v, reading says %v", err, rerr)
}

// Readers neither wait for an open transaction nor see it: whoever reads outside while
// it writes must not lock itself out.
func txReadBeside(t *testing.T, open Open) {
	s := open(t, Node{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	write(t, s, func(_ context.Context, tx store.Tx) error {
		if err := tx.PutVersion(ctx, "v", "d", []byte("source"), time.Unix(1, 0)); err != nil {
			return err
		}
		for range 20 {
			if _, err := s.Version(ctx, "v"); !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read beside: %w", err)
			}
		}
		return nil
	})
	_, err := s.Version(ctx, "v")
	require.NoError(t, err, "committed")
}
