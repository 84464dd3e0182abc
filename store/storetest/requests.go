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
	r := &store.Request{Kind: kind, Payload: json.RawMessage(`{"dag_id": "ü"}`), CreatedAt: midnight, Actor: store.Actor{Name: "ü", Via: store.ViaUI, Address: "::1"}}
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
