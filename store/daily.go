package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dingdag/dingdag/dag"
)

// Daily reads what the digest of a day tells. Moments from since on and before until count.
type Daily interface {
	// DailyDigest returns which digest was told last, or nil.
	DailyDigest(ctx context.Context) (*DailyDigest, error)
	// EndedRunCounts counts the runs that ended in a time, by DAG and state, in the order of these.
	EndedRunCounts(ctx context.Context, since, until time.Time) ([]*RunCount, error)
	// OpenRunCounts counts the queued and the running runs, by DAG and state, in the order of these.
	OpenRunCounts(ctx context.Context) ([]*RunCount, error)
	// RunsByTime counts the runs of a DAG that were due in a time, by quarter of an hour and state, in the order of these.
	RunsByTime(ctx context.Context, dagID string, since, until time.Time) ([]*TimeCount, error)
	// FirstFailure returns the run of a DAG that failed first in a time, and the instance that
	// failed first in it. Each is nil when there is none.
	FirstFailure(ctx context.Context, dagID string, since, until time.Time) (*Run, *Instance, error)
	// UnstartedTicks sums up the ticks of which was recorded in a time that they started no run,
	// by DAG and outcome, in the order of these.
	UnstartedTicks(ctx context.Context, since, until time.Time) ([]*UnstartedTicks, error)
	// UndeliveredCounts counts, by state, the messages that became refused or uncertain in a time,
	// and those that have waited since before a moment. Where others stand in for a message they
	// count instead of it, and none of these once one of them has told it. What somebody has
	// acknowledged or dropped does not count, nor what a quota keeps back on purpose.
	UndeliveredCounts(ctx context.Context, since, until, waitedSince time.Time) (map[DeliveryState]int, error)
}

// DailyTx changes that in a transaction.
type DailyTx interface {
	// PutDailyDigest writes which digest was told last.
	PutDailyDigest(ctx context.Context, d *DailyDigest) error
}

// DailyDigest is the digest that was told last.
type DailyDigest struct {
	// Day is its date, such as 2026-01-31, in the zone in which it is due.
	Day string
	// Until is the moment up to which it told, from which the next one goes on.
	Until time.Time
}

// RunCount is how many runs of a DAG have a state.
type RunCount struct {
	DAGID string
	State dag.RunState
	Count int
}

// TimeCount is how many runs have a state that were due in the quarter of an hour that begins at a moment.
type TimeCount struct {
	At    time.Time
	State dag.RunState
	Count int
}

// UnstartedTicks are due ticks of a DAG that started no run.
type UnstartedTicks struct {
	DAGID   string
	Outcome TickOutcome
	// First and Last are the moments at which the first and the last of them were due.
	First, Last time.Time
	Count       int
	// Reason is one of their reasons, Said what was kept with it, as in [TickRange], and Reasons how many there are.
	Reason  string
	Said    json.RawMessage
	Reasons int
}
