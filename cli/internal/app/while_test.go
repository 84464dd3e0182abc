package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/engine"
)

// runner is an engine of which the test says how it works.
type runner func(ctx context.Context, o engine.RunOptions) error

func (r runner) Run(ctx context.Context, o engine.RunOptions) error { return r(ctx, o) }

var errBroken = errors.New("the disk is full")

// untilTheEnd works until it is told to stop.
func untilTheEnd(ctx context.Context, o engine.RunOptions) error {
	o.Ready()
	<-ctx.Done()
	return nil
}

func TestWhile(t *testing.T) {
	t.Parallel()
	waits := func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	for name, c := range map[string]struct {
		engine runner
		work   func(context.Context) error
		want   string
	}{
		"all is well":       {untilTheEnd, func(context.Context) error { return nil }, ""},
		"the work fails":    {untilTheEnd, func(context.Context) error { return errors.New("no such dag") }, "no such dag"},
		"it does not begin": {func(context.Context, engine.RunOptions) error { return errBroken }, waits, "the disk is full"},
		"it begins nothing": {func(context.Context, engine.RunOptions) error { return nil }, waits, "the engine stopped"},
		"it breaks meanwhile": {func(_ context.Context, o engine.RunOptions) error {
			o.Ready()
			return errBroken
		}, waits, "the disk is full"},
		"it ends meanwhile": {func(_ context.Context, o engine.RunOptions) error {
			o.Ready()
			return nil
		}, waits, "the engine stopped"},
		"it breaks in the end": {func(ctx context.Context, o engine.RunOptions) error {
			_ = untilTheEnd(ctx, o)
			return errBroken
		}, func(context.Context) error { return nil }, "the disk is full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := app.While(t.Context(), c.engine, engine.RunOptions{Schedule: true}, c.work)
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.want)
			}
		})
	}
	t.Run("the command is interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		late := errors.New("it took too long")
		stopped := false
		err := app.While(ctx, runner(func(ctx context.Context, o engine.RunOptions) error {
			defer func() { stopped = true }()
			return untilTheEnd(ctx, o)
		}), engine.RunOptions{}, func(ctx context.Context) error {
			cancel(late)
			return waits(ctx)
		})
		require.ErrorIs(t, err, late)
		assert.True(t, stopped, "it has ended before")
	})
}
