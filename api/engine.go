package api

import (
	"context"

	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/engine/why"
	"github.com/dingdag/dingdag/store"
)

// Engine judges by the rules that the scheduler goes by, and changes runs. [*engine.Engine] is one.
type Engine interface {
	// WhyTask returns store.ErrNotFound when the run's version of the DAG has no such task.
	WhyTask(ctx context.Context, r *store.Run, taskID string) ([]why.Instance, error)
	// TriggerRun, Clear, Mark and CreateBackfill change runs, or let the process do it that works on
	// the store.
	TriggerRun(ctx context.Context, dagID string, t engine.Trigger) (*engine.Triggered, error)
	Clear(ctx context.Context, r engine.ClearRequest) (*engine.Affected, error)
	Mark(ctx context.Context, r engine.MarkRequest) (*engine.Affected, error)
	CreateBackfill(ctx context.Context, dagID string, r engine.BackfillRequest) (*engine.CreatedBackfill, error)
	// RenderedTry returns store.ErrNotFound when the run's version of the DAG has no such task.
	RenderedTry(ctx context.Context, r *store.Run, taskID string, mapIndex, try int) (*engine.Rendering, error)
}
