package history

import (
	"context"
	"log/slog"
	"time"
)

// Run ends what a policy says, at once and then again and again with a pause in between, until ctx
// ends. What fails is logged, and tried again the next time.
func (c *Cleaner) Run(ctx context.Context, p Policy, pause time.Duration) {
	again(ctx, pause, func() {
		r, err := c.Clean(ctx, p.At(c.o.Clock()))
		if err != nil && ctx.Err() == nil {
			c.o.Log.Error("not all of the old history could be removed; it is tried again", "in", pause, "error", err)
		}
		if !r.Empty() {
			c.o.Log.LogAttrs(ctx, slog.LevelInfo, "old history is removed", r.attrs()...)
		}
	})
}

// again does something at once and then again and again with a pause in between, until ctx ends.
func again(ctx context.Context, pause time.Duration, do func()) {
	for ctx.Err() == nil {
		do()
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
		case <-t.C:
		}
	}
}

// attrs are what has gone, for a log.
func (r *Report) attrs() (out []slog.Attr) {
	for _, kind := range Kinds {
		if n := r.Counts[kind]; n > 0 {
			out = append(out, slog.Int(string(kind), n))
		}
	}
	if r.GivenBack > 0 {
		out = append(out, slog.Int64("bytes_given_back", r.GivenBack))
	}
	return append(out, slog.Duration("longest_hold", r.Longest))
}

// Rest waits for some times as long as the last step held the writer, so that others have their turn:
// three times leaves them three quarters of it.
func Rest(times int) func(ctx context.Context, held time.Duration) {
	return func(ctx context.Context, held time.Duration) {
		t := time.NewTimer(max(held, time.Millisecond) * time.Duration(times))
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}
