package store

import (
	"context"
	"encoding/json"
	"time"
)

// Ticks reads what became of the ticks of schedules that started no run.
type Ticks interface {
	// TickRanges returns the recorded ticks of a DAG, newest first, at most limit (0 is all).
	TickRanges(ctx context.Context, dagID string, limit int) ([]*TickRange, error)
	// TicksBetween returns the records of a DAG that have ticks from one moment on and before another one, oldest first.
	TicksBetween(ctx context.Context, dagID string, since, until time.Time) ([]*TickRange, error)
	// TickRangeAt returns the record that covers a tick, or nil.
	TickRangeAt(ctx context.Context, dagID string, tick time.Time) (*TickRange, error)
	// SchedulerLives returns the stretches in which a scheduler was at work that end at
	// or after a moment, oldest first.
	SchedulerLives(ctx context.Context, since time.Time) ([]*SchedulerLife, error)
	// LastSchedulerLife returns the newest stretch that began before a moment, or nil.
	LastSchedulerLife(ctx context.Context, before time.Time) (*SchedulerLife, error)
}

// TicksTx records them in a transaction.
type TicksTx interface {
	// InsertTickRange records ticks and sets the ID.
	InsertTickRange(ctx context.Context, t *TickRange) error
	// PutSchedulerLife adds a stretch and sets its ID, or writes SeenAt and Stopped of one with an ID.
	PutSchedulerLife(ctx context.Context, l *SchedulerLife) error
}

// TickOutcome is what became of a due tick of a schedule.
type TickOutcome string

// The outcomes of a tick.
const (
	// TickStarted has a run.
	TickStarted TickOutcome = "started"
	// TickSkipped was passed over: the DAG was paused, or catchup is off and a newer
	// tick was due.
	TickSkipped TickOutcome = "skipped"
	// TickMissed fell into a time when no scheduler ran, or the DAG could not be loaded.
	TickMissed TickOutcome = "missed"
	// TickWaiting is due and will get its run. It is never stored.
	TickWaiting TickOutcome = "waiting"
)

// TickRange is a stretch of due ticks that have one outcome and started no run of their
// own, as it is stored: one row however long a DAG was paused.
type TickRange struct {
	ID    int64
	DAGID string
	// First and Last are the moments at which the first and the last of them were due.
	First, Last time.Time
	// Count is how many there are.
	Count   int
	Outcome TickOutcome
	// Reason is a sentence in English without its end; Said is the same as a code with what it is about, from which it is
	// put into words in other languages, nil in records of older versions.
	Reason     string
	Said       json.RawMessage
	RecordedAt time.Time
}

// SchedulerLife is a stretch of time in which a scheduler was at work.
type SchedulerLife struct {
	ID                int64
	StartedAt, SeenAt time.Time
	// Stopped says that it ended in order, at SeenAt.
	Stopped bool
	// By is the process; its fields are empty where it was one of an older version.
	By Process
}

// Process is one that works on a store.
type Process struct {
	// Host is the name of its machine, PID its number there.
	Host string `json:"host,omitzero"`
	PID  int    `json:"pid,omitzero"`
	// Version is that of the program.
	Version string `json:"version,omitzero"`
	// Workers is how many attempts it runs at once.
	Workers int `json:"workers,omitzero"`
}
