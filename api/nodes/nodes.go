// Package nodes is which processes work on a store, and which did, and has them take no more attempts.
package nodes

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/store"
)

// State is how a node is.
type State string

// The states.
const (
	// Working nodes do what they are for.
	Working State = "working"
	// Draining ones take no more attempts and do not lead, and run the ones that they have.
	Draining State = "draining"
	// Stopping ones end when the attempts have that they run.
	Stopping State = "stopping"
	// Stopped ones have ended in order.
	Stopped State = "stopped"
	// Lost ones have ended without a word, or are cut off from the store, or their machine sleeps.
	Lost State = "lost"
)

// States are all of them.
func States() []string {
	return []string{string(Working), string(Draining), string(Stopping), string(Stopped), string(Lost)}
}

// The roles of nodes. A process alone on a store has both.
const (
	Scheduler = "scheduler"
	Worker    = "worker"
)

// Node is a process, or on a store that one process works on alone the stretch of time in which it worked.
type Node struct {
	// ID names it: HOST:PID/WORD for a process that shares the store with others, a number for one alone.
	ID string
	// Life is the number of one alone, and 0 for others.
	Life  int64
	State State
	// Leads says that it schedules and changes runs now.
	Leads bool
	// Roles are what it does.
	Roles []string
	// Process says which one it is; its fields are empty where it was one of an older version.
	store.Process
	// Queues are those that it serves; nil is all. One that is no worker serves none.
	Queues []string
	// Running is how many attempts it runs, as it said last. It is not known of one alone, and 0 then.
	Running int
	// Idle says that it was asked to drain, has heard of it, and runs nothing any more.
	Idle bool

	// ClockAhead is by how much its clock is ahead of that of the store, negative behind it; 0 within [store.ClockSlack].
	ClockAhead time.Duration
	// OtherKey says that its secret key is another one than that of the first to start of those that have not ended.
	OtherKey bool
	// LogsWaiting is how many of its task logs wait for the log store, as it said last, LogsWaitingFor for how long the first of them
	// has. Both are 0 for one that has ended.
	LogsWaiting    int
	LogsWaitingFor time.Duration

	// StartedAt is when it began, SeenAt when it is last known to have worked: of one that shares the store to the length of
	// its lease, of one alone to the minute.
	StartedAt, SeenAt time.Time
	// LeasedUntil is when the lease of one that has not ended ends unless it is renewed; zero for all others.
	LeasedUntil time.Time
}

// Ended reports whether it is no more.
func (n *Node) Ended() bool { return n.State == Stopped || n.State == Lost }

// Store is where nodes are known.
type Store interface {
	SchedulerLives(ctx context.Context, since time.Time) ([]*store.SchedulerLife, error)
	LeasedUntil(ctx context.Context) (time.Time, error)
	Nodes(ctx context.Context, after time.Time) ([]*store.Node, error)
	LeaseClock(ctx context.Context) (time.Time, error)
}

// List returns the nodes that worked after a moment: those that have not ended first, then the newest.
//
// Where processes share the store, these are the processes, which the store remembers for a week, and before them the stretches
// of time in which a scheduler worked.
func List(ctx context.Context, s Store, since time.Time) ([]Node, error) {
	out, err := Shared(ctx, s, since)
	if err != nil {
		return nil, err
	}
	lives, err := Lives(ctx, s, since)
	if err != nil {
		return nil, err
	}
	for _, l := range lives {
		if !slices.ContainsFunc(out, func(n Node) bool { return n.ran(&l) }) {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b Node) int {
		return cmp.Or(after(a, b), b.StartedAt.Compare(a.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// after puts those that have ended behind those that have not.
func after(a, b Node) int {
	switch {
	case a.Ended() == b.Ended():
		return 0
	case a.Ended():
		return 1
	default:
		return -1
	}
}

// ran reports whether a stretch of time in which a scheduler worked is one of this process.
func (n *Node) ran(l *Node) bool {
	return n.Host == l.Host && n.PID == l.PID && !l.SeenAt.Before(n.StartedAt)
}

// Shared returns the processes that share the store and worked after a moment, by their ids. There are none on a store in a file.
func Shared(ctx context.Context, s Store, since time.Time) ([]Node, error) {
	all, err := s.Nodes(ctx, since)
	if err != nil {
		return nil, err
	}
	var led time.Time
	var now time.Time
	var out []Node
	var living []*store.Node
	for _, n := range all {
		if n.StartedAt.IsZero() { // one alone, which tells nothing of itself
			continue
		}
		if out == nil {
			if led, err = s.LeasedUntil(ctx); err != nil {
				return nil, err
			}
			if now, err = s.LeaseClock(ctx); err != nil {
				return nil, err
			}
		}
		o := of(n, now, led)
		if out = append(out, o); !o.Ended() {
			living = append(living, n)
		}
	}
	others, _ := store.OtherKeys(living)
	for i := range out {
		out[i].OtherKey = slices.ContainsFunc(others, func(n *store.Node) bool { return n.ID == out[i].ID })
	}
	return out, nil
}

// of is a process as people see it. led is when the lead ends, or ended.
func of(n *store.Node, now, led time.Time) Node {
	out := Node{
		ID: n.ID, State: Lost, Process: n.Process, Queues: n.Queues, StartedAt: n.StartedAt, SeenAt: n.LeasedUntil,
		Idle: n.Drain && n.State == store.NodeDraining && n.Running == 0,
	}
	if n.ClockIsOff() {
		out.ClockAhead = n.ClockAhead
	}
	if n.Schedules {
		out.Roles = append(out.Roles, Scheduler)
	}
	if n.Works {
		out.Roles = append(out.Roles, Worker)
	}
	switch {
	case n.State == store.NodeStopped:
		out.State = Stopped
	case n.LeasedUntil.After(now):
		out.State, out.Leads = State(n.State), n.Leads && led.After(now)
		if n.Drain && n.State == store.NodeWorking { // it hears of it within a second
			out.State = Draining
		}
		out.Running, out.SeenAt, out.LeasedUntil = n.Running, now, n.LeasedUntil
		out.LogsWaiting, out.LogsWaitingFor = n.LogsWaiting, n.LogsWaitingFor
	}
	return out
}

// Lives returns the stretches of time in which a scheduler worked at or after a moment, the newest first. Working is the newest
// one while the lead has not ended.
func Lives(ctx context.Context, s Store, since time.Time) ([]Node, error) {
	lives, err := s.SchedulerLives(ctx, since)
	if err != nil {
		return nil, err
	}
	until, err := s.LeasedUntil(ctx)
	if err != nil {
		return nil, err
	}
	now, err := s.LeaseClock(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Node, len(lives))
	for i, l := range lives {
		n := Node{
			ID: strconv.FormatInt(l.ID, 10), Life: l.ID, State: Lost, Roles: []string{Scheduler, Worker}, Process: l.By,
			StartedAt: l.StartedAt, SeenAt: l.SeenAt,
		}
		switch {
		case l.Stopped:
			n.State = Stopped
		case i == len(lives)-1 && !until.Before(now):
			n.State, n.Leads, n.LeasedUntil = Working, true, until
		}
		out[i] = n
	}
	slices.Reverse(out)
	return out, nil
}
