package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
)

// What a try did of its work is known to the next one, also when the process died in
// between; a task that is cleared begins anew.
func TestProgressOutlivesTriesAndCrashes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	t.Cleanup(func() { close(release) })
	var found []string
	b.do["work"] = func(ctx context.Context, tc *operator.TaskContext) (any, error) {
		kept, err := tc.Progress.Load(ctx, "parts")
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		found = append(found, kept)
		n := len(found)
		b.mu.Unlock()
		if err := tc.Progress.Save(ctx, "parts", kept+"x"); err != nil {
			return nil, err
		}
		switch n {
		case 1:
			return nil, errors.New("not all of it")
		case 2: // the process dies here
			begun <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil, nil
	}
	b.load("d:\n  tasks: [{task_id: t, operator: probe, do: work, retries: 1, retry_delay: 0.01}]\n")
	b.start(engine.RunOptions{})
	r, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	<-begun
	next := b.crash()
	next.start(engine.RunOptions{})
	next.ended1(r.Key)
	_, err = next.e.Clear(t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID})
	require.NoError(t, err)
	next.until("it ran again", func() bool { return next.states(r)["t"] == "success" && len(next.ranSoFar()) == 2 })
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Equal(t, []string{"", "x", "xx", ""}, found)
}
