package engine

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// persist repeats what must be written until it is, or the process is told to stop.
// The worker stays with the attempt meanwhile: on a full disk nothing is lost and
// nothing is done twice, and work goes on once there is room.
func persist(ctx context.Context, log *slog.Logger, write func() error) error {
	faults := 0
	next, stop := iter.Pull(worker.Pauses())
	defer stop()
	for {
		err := write()
		if err == nil || errors.Is(err, errNotWanted) || errors.Is(err, store.ErrLostLease) || errors.Is(err, store.ErrNotLeader) {
			return err
		}
		if _, ok := errors.AsType[*live.RunError](err); ok {
			// Not a matter of waiting. What met it has failed with it, so that another try
			// finds nothing left to do, or only what it was to write itself.
			if faults++; faults > 2 {
				return err
			}
			continue
		}
		pause, _ := next()
		log.Error("the store or a task log cannot be written; trying again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// persistEnd is persist of what became of an attempt. On a store that is shared a process that is told to stop goes on
// trying for as long as its lease holds, because nobody else can take the attempt before.
func (x *executor) persistEnd(ctx context.Context, write func() error) error {
	trying, cancel := x.tenure.outlast(ctx)
	defer cancel()
	return persist(trying, x.log, write)
}
