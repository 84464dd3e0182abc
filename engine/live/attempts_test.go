package live_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/operator"
)

var errTold = errors.New("somebody said so")

// begin begins an attempt, and gives the context that its end ends.
func begin(t *testing.T, as *live.Attempts, a live.Attempt) (ctx context.Context, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, as.Begin(a, cancel)
}

// An attempt is cancelled while it runs or before it does, and that is not held against the
// next one of its name.
func TestAttempts(t *testing.T) {
	t.Parallel()
	var as live.Attempts
	a := live.Attempt{Run: 1, Task: "t", MapIndex: -1, Try: 1}
	assert.False(t, as.Running(a))

	as.Cancel(a, errTold)
	ctx, end := begin(t, &as, a)
	assert.True(t, as.Running(a))
	require.ErrorIs(t, context.Cause(ctx), operator.ErrCanceled)
	require.ErrorIs(t, context.Cause(ctx), errTold)
	end()
	assert.False(t, as.Running(a))

	ctx, end = begin(t, &as, a)
	require.NoError(t, ctx.Err(), "what was unwanted has ended")
	as.Cancel(a, errTold)
	require.ErrorIs(t, context.Cause(ctx), errTold)
	end()

	ctx, end = begin(t, &as, a)
	require.NoError(t, ctx.Err(), "so it is with what ran")
	end()
}

// A cancel that comes to a running attempt leaves nothing for one that begins in its place.
func TestACancelIsNotLeftForTheNext(t *testing.T) {
	t.Parallel()
	var as live.Attempts
	a := live.Attempt{Run: 1, Task: "t", MapIndex: -1, Try: 1}
	ctx, _ := begin(t, &as, a)
	as.Cancel(a, errTold)
	require.ErrorIs(t, context.Cause(ctx), errTold)
	next, _ := begin(t, &as, a)
	require.NoError(t, next.Err())
}

// The attempts of one run are cancelled without those of others.
func TestCancelRun(t *testing.T) {
	t.Parallel()
	var as live.Attempts
	one, _ := begin(t, &as, live.Attempt{Run: 1, Task: "t", MapIndex: -1, Try: 1})
	two, _ := begin(t, &as, live.Attempt{Run: 1, Task: "m", MapIndex: 3, Try: 2})
	other, _ := begin(t, &as, live.Attempt{Run: 2, Task: "t", MapIndex: -1, Try: 1})
	as.CancelRun(1, errTold)
	require.ErrorIs(t, context.Cause(one), errTold)
	require.ErrorIs(t, context.Cause(two), errTold)
	require.NoError(t, other.Err())
}
