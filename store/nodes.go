package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// ErrNotLeader says that this process led the others, and that another one has taken the lead since: what this one was about
// to change is not changed. It is [ErrBusy], too: whoever asks again asks the other one.
var ErrNotLeader error = notLeaderError{errors.New("another process has taken the lead on the store")}

type notLeaderError struct{ error }

// Is reports whether it is the target.
func (notLeaderError) Is(target error) bool { return target == ErrBusy }

// Node is a process that works on the store.
type Node struct {
	// ID is a name that no other process has, or had.
	ID string `json:"-"`
	// Process says which one it is.
	Process
	// Schedules says that it may lead, Works that it runs attempts.
	Schedules bool `json:"schedules,omitzero"`
	Works     bool `json:"works,omitzero"`
	// Queues are those that it serves; nil is all.
	Queues []string `json:"queues,omitzero"`
	// Running is how many attempts it runs.
	Running int `json:"running,omitzero"`
	// State is how it is.
	State NodeState `json:"state,omitzero"`
	// Endpoint is the URL at which it shows the logs of its attempts, empty for none.
	Endpoint  string    `json:"endpoint,omitzero"`
	StartedAt time.Time `json:"started_at"`
	// ClockAhead is by how much its clock is ahead of that of the store, negative behind it, as it last saw. What cannot be told
	// from the time that a question takes is 0.
	ClockAhead time.Duration `json:"clock_ahead,omitzero"`
	// KeyMark tells the secret key of its home folder from other ones, and nothing else of it; empty when it is not known, as of an
	// older version.
	KeyMark string `json:"key_mark,omitzero"`
	// LogsWaiting is how many of its task logs are not in the log store yet although they could be, LogsWaitingFor for how long the
	// first of them has waited for that.
	LogsWaiting    int           `json:"logs_waiting,omitzero"`
	LogsWaitingFor time.Duration `json:"logs_waiting_for,omitzero"`

	// LeasedUntil is when its lease ends, or ended.
	LeasedUntil time.Time `json:"-"`
	// Drain says that somebody wants it to take no more attempts.
	Drain bool `json:"-"`
	// Leads says that it leads, or was the last that did.
	Leads bool `json:"-"`
}

// ClockSlack is by how much clocks may differ before it is said: the moments at which runs are due come from the clock of
// whoever leads, leases from that of the store.
const ClockSlack = 5 * time.Second

// ClockIsOff reports whether its clock is not that of the store.
func (n *Node) ClockIsOff() bool { return n.ClockAhead.Abs() > ClockSlack }

// OtherKeys returns those of some processes whose secret key is another one than that of the first to start, which it returns too.
// What one of them encrypts the others cannot read.
func OtherKeys(living []*Node) (others []*Node, first *Node) {
	for _, n := range living {
		if n.KeyMark != "" && (first == nil || n.startedBefore(first)) {
			first = n
		}
	}
	for _, n := range living {
		if n.KeyMark != "" && n.KeyMark != first.KeyMark {
			others = append(others, n)
		}
	}
	return others, first
}

// OtherKey returns the first to start of those of some processes whose secret key is another one than that with a mark, nil for none.
func OtherKey(living []*Node, mark string) (first *Node) {
	for _, n := range living {
		if n.KeyMark != "" && n.KeyMark != mark && (first == nil || n.startedBefore(first)) {
			first = n
		}
	}
	return first
}

func (n *Node) startedBefore(m *Node) bool {
	return cmp.Or(n.StartedAt.Compare(m.StartedAt), cmp.Compare(n.ID, m.ID)) < 0
}

// LogsPatience is how long task logs may wait for the log store before that is told: one that fails is tried again within a minute.
const LogsPatience = 10 * time.Minute

// Serves reports whether it takes attempts of a queue, of [DefaultQueue] for an empty name. One that works alone on its store, and
// says nothing of itself, takes all.
func (n *Node) Serves(queue string) bool {
	if n.StartedAt.IsZero() {
		return true
	}
	return n.Works && n.State == NodeWorking && !n.Drain && (n.Queues == nil || slices.Contains(n.Queues, cmp.Or(queue, DefaultQueue)))
}

// NodeReader is where processes are known, and what waits for them.
type NodeReader interface {
	Nodes
	Queues
	// LeaseClock is that of [Membership].
	LeaseClock(ctx context.Context) (time.Time, error)
}

// Living returns the processes whose lease holds, by their ids, and the time of the store.
func Living(ctx context.Context, s NodeReader) ([]*Node, time.Time, error) {
	now, err := s.LeaseClock(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	ns, err := s.Nodes(ctx, now)
	return ns, now, err
}

// UnservedPatience is how long attempts may wait in a queue that nobody serves before that is told: workers are replaced, and start
// after a scheduler.
const UnservedPatience = 10 * time.Second

// Unserved returns the queues in which attempts have waited for a while and of which none of some processes takes any. While there
// are no processes there are none: that nobody works is another matter.
func Unserved(ctx context.Context, s Queues, living []*Node, now time.Time) ([]QueueBacklog, error) {
	if len(living) == 0 {
		return nil, nil
	}
	all, err := s.QueueBacklogs(ctx)
	return slices.DeleteFunc(all, func(b QueueBacklog) bool {
		return now.Sub(b.Since) < UnservedPatience || slices.ContainsFunc(living, func(n *Node) bool { return n.Serves(b.Queue) })
	}), err
}

// NodeState is how a node is.
type NodeState string

// The states.
const (
	// NodeWorking nodes do what they are for.
	NodeWorking NodeState = "working"
	// NodeDraining ones take no more attempts and do not lead, and run the ones that they have.
	NodeDraining NodeState = "draining"
	// NodeStopping ones end when the attempts have that they run.
	NodeStopping NodeState = "stopping"
	// NodeStopped ones have ended in order.
	NodeStopped NodeState = "stopped"
)

// Nodes tells which processes work on the store, and what those have done that do not lead.
type Nodes interface {
	// Nodes returns the processes whose lease ends after a moment, by their ids.
	Nodes(ctx context.Context, after time.Time) ([]*Node, error)
	// Reports returns what became of attempts of processes that do not lead, in the order in which it was written, at most
	// limit behind the one with the id after.
	Reports(ctx context.Context, after int64, limit int) ([]*Report, error)
}

// NodesTx changes them.
type NodesTx interface {
	// DrainNode asks a process to take no more attempts, or to take them again. It returns ErrNotFound for one that is not there.
	DrainNode(ctx context.Context, id string, drain bool) error
	// InsertReports adds reports and sets their ids.
	InsertReports(ctx context.Context, rs ...*Report) error
	// DeleteReports removes those that were taken in.
	DeleteReports(ctx context.Context, ids ...int64) error
	// HoldJob returns ErrLostLease when this process does not run the job any more: it was taken for dead.
	HoldJob(ctx context.Context, j Job) error
	// CancelJob asks the process that runs an attempt to end it, or the one that is about to, and says why. Nothing happens
	// when none does.
	CancelJob(ctx context.Context, j Job, why string) error
}

// Report is what a process that does not lead says of an attempt.
type Report struct {
	ID int64
	// Payload is the report; only the engine reads it.
	Payload json.RawMessage
	// At is when it was written, by the clock of its process.
	At time.Time
}

// Renewal is how a process goes on.
type Renewal struct {
	// Lease is for how long, from now on; 0 says that it ends.
	Lease time.Duration
	// Lead says that it wants to lead, or to go on leading; without it a process that leads gives that up.
	Lead bool
	// Epoch is that of its lead, 0 while it does not lead.
	Epoch int64
}

// Renewed is what a process learns when it renews its lease.
type Renewed struct {
	// Epoch is the number of its lead: each process that leads has a higher one than those before it. 0 says that it does
	// not lead.
	Epoch int64
	// Lost are the running jobs of processes whose lease has ended. Only one that leads is told.
	Lost []Job
	// Drain says that somebody wants it to take no more attempts.
	Drain bool
	// Now is the time of the store, by which leases go.
	Now time.Time
}

// Membership is how a process takes part in the work on a store.
type Membership interface {
	// LeaseClock is the time by which leases go: that of the store, as machines may differ.
	LeaseClock(ctx context.Context) (time.Time, error)
	// Renew says that this process works for as long as the renewal says, and what it does. A process takes the lead when
	// nobody else has it. From then on its transactions fail with [ErrNotLeader], and change nothing, once another one has
	// taken it: a process may be stopped for a while, and does not know. That ends with a renewal whose epoch is 0, by which it
	// says that it has ended what it did as the leader.
	//
	// When the lease of a process that leads, or takes the lead, has ended before, as after a while without the database, the
	// leases of those that were alive with it begin anew: they could not renew theirs either.
	Renew(ctx context.Context, n *Node, o Renewal) (*Renewed, error)
	// Canceled returns the attempts of this process that [NodesTx.CancelJob] has asked it to end.
	Canceled(ctx context.Context) ([]*Canceled, error)
	// Taken returns those of some jobs that this process does not hold any more: while it was taken for dead, others took them.
	Taken(ctx context.Context, js []Job) ([]Job, error)
	// End ends the job of an attempt of this process together with a report. It waits for no transaction of another process,
	// and may be called again after any error but ErrLostLease, which says that this process does not run the job any more: then
	// nothing was written.
	End(ctx context.Context, j Job, r *Report) error
	// Own is Tx for what this process itself has done, such as sending a message, which holds whoever leads.
	Own(ctx context.Context, fn func(Tx) error) error
}

// Canceled is an attempt that is to end, and why.
type Canceled struct {
	Job
	Why string
}

// LeasedNow reports whether a process leads, by the clock of the store.
func LeasedNow(ctx context.Context, s interface {
	Membership
	Leases
},
) (bool, error) {
	now, err := s.LeaseClock(ctx)
	if err != nil {
		return false, err
	}
	return s.Leased(ctx, now)
}
