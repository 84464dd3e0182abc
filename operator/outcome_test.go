package operator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		cause error // nil leaves the context alive
		err   error
		want  operator.Outcome
		text  string
	}{
		"success":                {want: operator.Outcome{Kind: operator.Success}},
		"success in spite":       {cause: operator.ErrShutdown, want: operator.Outcome{Kind: operator.Success}},
		"error":                  {err: boom, want: operator.Outcome{Kind: operator.Retry}, text: "boom"},
		"skip":                   {err: operator.Skip("why"), want: operator.Outcome{Kind: operator.Skipped, Reason: "why"}},
		"wrapped skip":           {err: fmt.Errorf("x: %w", operator.Skip("why")), want: operator.Outcome{Kind: operator.Skipped, Reason: "why"}},
		"fail":                   {err: operator.Fail(boom), want: operator.Outcome{Kind: operator.Failed}, text: "boom"},
		"fail without error":     {err: operator.Fail(nil), want: operator.Outcome{Kind: operator.Failed}, text: "failed"},
		"wrapped fail":           {err: fmt.Errorf("send: %w", operator.Fail(boom)), want: operator.Outcome{Kind: operator.Failed}, text: "send: boom"},
		"retry after":            {err: operator.RetryAfter(time.Minute, boom), want: operator.Outcome{Kind: operator.Retry, RetryAfter: time.Minute}, text: "boom"},
		"not yet":                {err: operator.NotYet(), want: operator.Outcome{Kind: operator.Waiting}, text: "waiting"},
		"not yet for a while":    {err: operator.NotYetFor(time.Hour), want: operator.Outcome{Kind: operator.Waiting, RetryAfter: time.Hour}, text: "waiting"},
		"timeout":                {cause: operator.ErrTimeout, err: boom, want: operator.Outcome{Kind: operator.Timeout}, text: "execution_timeout has passed: boom"},
		"deadline":               {cause: context.DeadlineExceeded, err: boom, want: operator.Outcome{Kind: operator.Timeout}, text: "context deadline exceeded: boom"},
		"shutdown":               {cause: operator.ErrShutdown, err: boom, want: operator.Outcome{Kind: operator.Shutdown}, text: "the worker is shutting down: boom"},
		"shutdown said already":  {cause: operator.ErrShutdown, err: operator.ErrShutdown, want: operator.Outcome{Kind: operator.Shutdown}, text: "the worker is shutting down"},
		"canceled":               {cause: operator.ErrCanceled, err: boom, want: operator.Outcome{Kind: operator.Canceled}, text: "the task was canceled: boom"},
		"unknown cause":          {cause: errors.New("x"), err: boom, want: operator.Outcome{Kind: operator.Retry}, text: "boom"},
		"fail goes before cause": {cause: operator.ErrShutdown, err: operator.Fail(boom), want: operator.Outcome{Kind: operator.Failed}, text: "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if tc.cause != nil {
				cancel(tc.cause)
			}
			got := operator.Classify(ctx, tc.err)
			if tc.text == "" {
				require.NoError(t, got.Err)
			} else {
				require.EqualError(t, got.Err, tc.text)
			}
			got.Err = nil
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestOutcomesKeepTheirError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	require.ErrorIs(t, operator.Fail(boom), boom)
	require.ErrorIs(t, operator.RetryAfter(0, boom), boom)
	assert.EqualError(t, operator.Skip("no data"), "skipped: no data")
}
