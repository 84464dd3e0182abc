package engine

import (
	"github.com/dingdag/dingdag/engine/request"
)

// What the engine is asked for, and what it answers.
type (
	// Trigger asks for a manual run.
	Trigger = request.Trigger
	// Triggered is a run that was made because somebody asked for it.
	Triggered = request.Triggered
	// TriggerError is a mistake in one field of a [Trigger].
	TriggerError = request.TriggerError
	// BackfillRequest asks for a backfill.
	BackfillRequest = request.Backfill
	// CreatedBackfill is a backfill that was made because somebody asked for it.
	CreatedBackfill = request.CreatedBackfill
	// BackfillError is a mistake in one field of a [BackfillRequest].
	BackfillError = request.BackfillError
	// ClearRequest selects task instances that are to run again.
	ClearRequest = request.Clear
	// MarkRequest gives task instances, or a whole run, a state.
	MarkRequest = request.Mark
	// Affected is what a [ClearRequest] or a [MarkRequest] changed, or would change.
	Affected = request.Affected
	// AffectedRun is one run and what became of it.
	AffectedRun = request.AffectedRun
	// AffectedInstance is one task instance and what became of it.
	AffectedInstance = request.AffectedInstance
)

// Why a request was refused.
var (
	ErrExists     = request.ErrExists
	ErrPaused     = request.ErrPaused
	ErrNoSchedule = request.ErrNoSchedule
)

// DefaultBackfillRuns is how many runs of a backfill are active at once unless it says so.
const DefaultBackfillRuns = request.DefaultBackfillRuns
