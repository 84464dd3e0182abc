//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func ask(t *testing.T, s store.Store, kind string) *store.Request {
	r := &store.Request{Kind: kind, Payload: json.RawMessage(`{"dag_id": "ü"}`), CreatedAt: midnight, Actor: store.Actor{Name: "ü", Via: store.ViaUI}}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.InsertRequest(ctx, r) })
	require.NotZero(t, r.ID)
	return r
}

func requestsAreAnsweredOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	first, second := ask(t, s, "clear"), ask(t, s, "mark")
	got, err := s.OpenRequests(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []*store.Request{first, second}, got, "whole, oldest first")

	first.DoneAt, first.Result = midnight.Add(time.Minute), json.RawMessage(`{"runs": []}`)
	var answered bool
	answer := func(r *store.Request) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			answered, err = tx.AnswerRequest(ctx, r)
			return err
		})
	}
	answer(first)
	assert.True(t, answered)
	again := *first
	again.Error = "too late"
	answer(&again)
	assert.False(t, answered)
	stored, err := s.Request(t.Context(), first.ID)
	require.NoError(t, err)
	assert.Equal(t, first, stored)

	second.DoneAt, second.Error = midnight.Add(time.Hour), "no such run"
	answer(second)
	stored, err = s.Request(t.Context(), second.ID)
	require.NoError(t, err)
	assert.Equal(t, second, stored)
	got, err = s.OpenRequests(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = s.Request(t.Context(), second.ID+1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Any number of processes may try: one of them does what is asked for.
func requestsAreAnsweredByOne(t *testing.T, open Open) {
	a, b := open(t, Node{Name: "a"}), open(t, Node{Name: "b"})
	r := ask(t, a, "clear")
	var (
		done atomic.Int64
		wg   sync.WaitGroup
	)
	for _, s := range []store.Store{a, b, a, b} {
		wg.Go(func() {
			mine := *r
			mine.DoneAt = midnight
			assert.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
				ok, err := tx.AnswerRequest(t.Context(), &mine)
				if ok {
					done.Add(1)
				}
				return err
			}))
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, done.Load())
}

func leasesAreSeen(t *testing.T, open Open) {
	c := newClock()
	a, b := open(t, Node{Name: "a", Clock: c.now}), open(t, Node{Name: "b", Clock: c.now})
	leased := func(now time.Time) bool {
		ok, err := b.Leased(t.Context(), now)
		require.NoError(t, err)
		return ok
	}
	until := func() time.Time {
		at, err := b.LeasedUntil(t.Context())
		require.NoError(t, err)
		return at
	}
	assert.False(t, leased(midnight), "nobody has worked here yet")
	assert.Zero(t, until())
	beat(t, a)
	assert.Equal(t, midnight.Add(lease), until())
	assert.True(t, leased(midnight))
	assert.True(t, leased(midnight.Add(lease-time.Millisecond)))
	assert.False(t, leased(midnight.Add(lease)), "it ran out")
	_, err := a.Beat(t.Context(), 0)
	require.NoError(t, err)
	assert.False(t, leased(midnight), "it was given up")
	assert.Equal(t, midnight, until())
	c.add(time.Second)
	beat(t, b)
	assert.Equal(t, midnight.Add(time.Second+lease), until(), "the one that runs longest")
}
